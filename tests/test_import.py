"""Importing the package registers names, and changes nothing for other models."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import torch

from tests.tiny_configs import ROOT

COMPARE = """
import importlib, inspect, json, os, pkgutil, sys, warnings
import mmengine, mmseg, mmseg.apis, mmseg.models, mmseg.datasets, mmseg.engine, mmseg.visualization
import numpy, torch
from mmengine.registry import Registry
from mmengine.runner import CheckpointLoader


def public():
    found = {}
    for name, module in sorted(sys.modules.items()):
        if name.split('.')[0] not in ('mmengine', 'mmcv', 'mmseg'):
            continue
        for key, value in vars(module).copy().items():
            if key.startswith('_') or not callable(value):
                continue
            found[f'{name}.{key}'] = value
            if inspect.isclass(value):
                own = {k: v for k, v in vars(value).items() if not k.startswith('_')}
                found.update({f'{name}.{key}.{k}': v for k, v in own.items()})
    return found


def registered():
    return {
        (name, key, entry): kind
        for name, module in sys.modules.items() if name in ('mmengine.registry', 'mmseg.registry')
        for key, value in vars(module).items() if isinstance(value, Registry)
        for entry, kind in value.module_dict.items()
    }


def settings():
    tiny = torch.full((1,), 1e-40)
    return {
        'environment': dict(os.environ),
        'warnings': list(warnings.filters),
        'loaders': [CheckpointLoader._schemes[prefix] for prefix in schemes],
        'trusted by torch': list(torch.serialization.get_safe_globals()),
        'denormals': bool((tiny * 1).item()),
        'threads': torch.get_num_threads(),
        'determinism': torch.are_deterministic_algorithms_enabled(),
        'cudnn': torch.backends.cudnn.benchmark,
        'random': [torch.get_rng_state().tolist(), numpy.random.get_state()[1].tolist()],
    }


schemes = list(CheckpointLoader._schemes)
before, entries, state = public(), registered(), settings()
import mmseg_joint

now_schemes = list(CheckpointLoader._schemes)

after, now, grown = public(), settings(), registered()
print('\\n' + json.dumps({
    'compared': len(before),
    'functions': [name for name, value in before.items() if after.get(name) is not value],
    'registries': [str(key) for key, kind in entries.items() if grown.get(key) is not kind],
    'added': len(grown) - len(entries),
    'settings': [key for key, value in state.items() if now[key] != value],
    'new addresses': sorted(set(now_schemes) - set(schemes)),
    'imported': [name for name in ('mmseg_joint.doctor', 'matplotlib.pyplot')
                 if name in sys.modules],
}))
"""

# a plain mmseg model on noise, from a pretrained file, and resumed from its own checkpoint
TRAIN = """
import os, sys
from importlib.metadata import packages_distributions

if 'mmengine' in packages_distributions()['mmengine']:
    # upstream's cannot read its own checkpoint with torch 2.6 and later; OneDL's can
    os.environ['TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD'] = '1'
from tests.shortcuts import take_shortcuts
{imports}
import numpy, torch
from mmengine.runner import Runner
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS
from mmseg.utils import register_all_modules

register_all_modules()
take_shortcuts()


@DATASETS.register_module()
class Noise(BaseSegDataset):
    METAINFO = dict(classes=('a', 'b', 'c'), palette=[[0] * 3, [1] * 3, [2] * 3])

    def load_data_list(self):
        return [dict(seed=seed) for seed in range(6)]

    def prepare_data(self, index):
        rng = numpy.random.default_rng(index)
        labels = rng.integers(0, 3, (32, 32))
        image = (80 * labels[..., None] + rng.integers(0, 60, (32, 32, 3))).astype('uint8')
        sample = dict(img=image, gt_seg_map=labels, img_path='', ori_shape=(32, 32), seg_fields=[],
                      img_shape=(32, 32), scale_factor=1.0, reduce_zero_label=False,
                      seg_map_path='')
        return self.pipeline(sample)


NORM = dict(type='BN')
loader = dict(
    batch_size=2,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(type='Noise', pipeline=[
        dict(type='RandomFlip', prob=0.5),
        dict(type='PhotoMetricDistortion'),
        dict(type='PackSegInputs'),
    ]),
)


def train(steps, resume=False, pretrained=None):
    head = dict(type='FCNHead', in_channels=16, in_index=1, channels=8, num_classes=3,
                norm_cfg=NORM, dropout_ratio=0.5, loss_decode=dict(type='CrossEntropyLoss'))
    backbone = dict(type='ResNet', depth=18, stem_channels=8, base_channels=8, norm_cfg=NORM,
                    init_cfg=pretrained)
    runner = Runner(
        model=dict(type='EncoderDecoder', backbone=backbone, decode_head=head,
                   data_preprocessor=dict(type='SegDataPreProcessor', size=(32, 32)),
                   train_cfg=dict(), test_cfg=dict(mode='whole')),
        work_dir='.', train_dataloader=loader, default_scope='mmseg', log_level='WARNING',
        train_cfg=dict(type='IterBasedTrainLoop', max_iters=steps),
        optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=0.01)),
        param_scheduler=[dict(type='PolyLR', eta_min=0, end=9, by_epoch=False)],
        default_hooks=dict(checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=1)),
        randomness=dict(seed=0, deterministic=True), resume=resume, experiment_name=f'to{{steps}}',
    )
    runner.train()
    return runner.model


model = train(2)
torch.save(model.backbone.state_dict(), 'pretrained.pth')
train(3, pretrained=dict(type='Pretrained', checkpoint='pretrained.pth'))
model = train(5, resume=True)
torch.save(model.state_dict(), 'end.pth')
"""


def python(code: str, folder) -> str:
    environment = {**os.environ, 'PYTHONPATH': str(ROOT), 'CUDA_VISIBLE_DEVICES': ''}
    environment.pop('THP_MEM_ALLOC_ENABLE', None)
    command = [sys.executable, '-W', 'ignore', '-c', code]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_importing_changes_no_function_of_others(tmp_path):
    found = json.loads(python(COMPARE, tmp_path).strip().splitlines()[-1])
    assert found.pop('compared') > 2000
    assert found.pop('added') > 30
    assert found.pop('new addresses') == ['package://', 'timm://']
    assert found == {name: [] for name in ('functions', 'registries', 'settings', 'imported')}


def test_a_plain_model_is_trained_as_without_the_package(tmp_path):
    ends = []
    for name, line in (('without', ''), ('beside', 'import mmseg_joint')):
        folder = tmp_path / name
        folder.mkdir()
        python(TRAIN.format(imports=line), folder)
        ends.append(torch.load(folder / 'end.pth'))
        assert (folder / 'iter_5.pth').exists()
    without, beside = ends
    assert without.keys() == beside.keys()
    for name, value in without.items():
        assert torch.equal(beside[name], value), name
