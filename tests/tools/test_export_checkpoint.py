"""An exported checkpoint predicts in a process without this package."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmcv.transforms import LoadAnnotations, LoadImageFromFile
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmseg.registry import DATASETS, MODELS
from torch import nn

from mmseg_joint.checkpoints.fit import load_model
from mmseg_joint.errors import JointError
from mmseg_joint.export import prediction_data, weights_of
from mmseg_joint.export.plain_model import plain_model, without_training
from mmseg_joint.export.prediction_data import plain_pipeline
from mmseg_joint.utils.cli import run
from tests.tiny import HRS, MODEL
from tests.tiny_configs import ROOT
from tests.tools.loading import load_tool

TOOL = ROOT / 'tools/export_checkpoint.py'
CROSS_ENTROPY = dict(type='CrossEntropyLoss', avg_non_ignore=True)
RESNET = dict(
    type='ResNetV1c',
    depth=18,
    base_channels=4,
    stem_channels=4,
    num_stages=4,
    out_indices=(0, 1, 2, 3),
    strides=(1, 2, 1, 1),
    dilations=(1, 1, 2, 4),
    norm_cfg=dict(type='BN'),
    init_cfg=dict(type='Pretrained', checkpoint='no.pth'),
)
FCN = dict(
    type='FCNHead',
    in_channels=32,
    in_index=3,
    channels=8,
    num_classes=11,
    loss_decode=CROSS_ENTROPY,
)
MIT = dict(
    type='MixVisionTransformer',
    embed_dims=4,
    num_heads=[1, 1, 1, 1],
    num_layers=[1, 1, 1, 1],
    patch_sizes=[7, 3, 3, 3],
    sr_ratios=[8, 4, 2, 1],
)
SEGFORMER = dict(
    type='FastSegformerHead',
    in_channels=[4, 4, 4, 4],
    in_index=[0, 1, 2, 3],
    channels=8,
    num_classes=11,
    loss_decode=dict(type='MaxSquareLoss'),  # ours: only training needs it
)
WEIGHTING = dict(weighting=dict(type='HierarchicalWeighting', network=dict(channels=(4, 4, 4, 4))))
PIPELINE = [
    dict(type='LoadCheckedImage'),
    dict(type='Resize', scale=(64, 48)),
    dict(type='LoadMappedAnnotations'),
    dict(type='PackSegInputs'),
]
PREDICT = """
import sys
import numpy as np

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] == 'mmseg_joint':
            raise ImportError('mmseg_joint is not to be imported')

sys.meta_path.insert(0, Refuse())
from mmseg.apis import MMSegInferencer

image, *exports = sys.argv[1:]
for path in exports:
    for model, weights in ((path[:-4] + '.py', path), (None, path)):
        inferencer = MMSegInferencer(model=model, weights=weights, device='cpu')
        found = inferencer(image, return_datasamples=True)
        labels = inferencer(image, show=False, return_vis=True)
        np.savez(
            path + ('.npz' if model else '.alone.npz'),
            logits=found.seg_logits.data.numpy(),
            labels=found.pred_sem_seg.data.numpy(),
            predictions=labels['predictions'],
            classes=inferencer.model.dataset_meta['classes'],
            palette=inferencer.model.dataset_meta['palette'],
        )
assert 'mmseg_joint' not in sys.modules
"""


def network(**changes) -> dict:
    return {**copy.deepcopy(dict(MODEL)), **copy.deepcopy(changes)}


@pytest.fixture
def trained(tmp_path, write_camvid):
    """Write a config, and a checkpoint as training leaves it, with objectives and optimizers."""
    write_camvid(tmp_path / 'camvid', count=1, split='val')
    dataset = {
        'type': 'CamVidDataset',
        'data_root': str(tmp_path / 'camvid'),
        'data_prefix': dict(img_path='images/val', seg_map_path='labels/val'),
        'pipeline': PIPELINE,
    }

    def make(name: str, model: dict, **values) -> tuple[Path, Path]:
        imports = dict(imports=['mmseg_joint'], allow_failed_imports=False)
        loader = dict(batch_size=1, dataset=dataset)
        cfg = Config(
            {
                'custom_imports': imports,
                'model': model,
                'test_dataloader': loader,
                'test_evaluator': dict(type='IoUMetric'),
                **values,
            }
        )
        cfg.dump(tmp_path / f'{name}.py')
        torch.manual_seed(0)
        built = MODELS.build(copy.deepcopy(cfg.model))
        for key, value in built.state_dict().items():  # so that batch norms have an effect, too
            if 'conv_seg' in key:
                value.normal_()
            elif value.is_floating_point() and value.ndim == 1:
                value.uniform_()
        content = dict(
            state_dict=built.state_dict(), optimizer={'state': torch.ones(9)}, meta={'iter': 1}
        )
        torch.save(content, tmp_path / f'{name}.pth')
        return tmp_path / f'{name}.py', tmp_path / f'{name}.pth'

    return make


def export(*arguments: object) -> None:
    tool = load_tool('export_checkpoint')
    run(lambda: tool.main([str(argument) for argument in arguments]))


def refusal(capsys, *arguments: object) -> str:
    capsys.readouterr()
    with pytest.raises(SystemExit) as stop:
        export(*arguments)
    assert stop.value.code == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith('error: ') and '\n' not in said
    return said


def ours(config: Path, checkpoint: Path):
    cfg = Config.fromfile(config)
    sample = DATASETS.build(cfg.test_dataloader.dataset)[0]
    with torch.no_grad():
        (found,) = load_model(cfg, str(checkpoint)).test_step(pseudo_collate([sample]))
    return found


def test_plain_mmseg_predicts_the_same_bits(trained, tmp_path, lines):
    models = {
        'fcn': network(backbone=RESNET, decode_head=FCN, objectives=WEIGHTING),
        'segformer': network(backbone=MIT, decode_head=SEGFORMER),
        'auxiliary': network(
            backbone=RESNET,
            decode_head=FCN,
            auxiliary_head=[
                dict(type='DeepLabV2Head', in_channels=16, in_index=2, num_classes=11),
                {**FCN, 'in_channels': 8, 'in_index': 1},
            ],
        ),
    }
    exports, pairs = [], {}
    for name, model in models.items():
        pairs[name] = trained(name, model)
        exports.append(tmp_path / 'plain' / f'{name}.pth')
        if name == 'fcn':  # one as a user would call it
            done = lines.run(TOOL, *pairs[name], exports[-1], cwd=tmp_path)
            assert done.status == 0, done.stderr
            assert 'wrote' in done.stdout
        else:
            export(*pairs[name], exports[-1])
    image = next((tmp_path / 'camvid/images/val').iterdir())
    environment = {**os.environ, 'PYTHONWARNINGS': 'ignore'}
    command = [sys.executable, '-c', PREDICT, image, *exports]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    for name, path in zip(models, exports):
        wanted = ours(*pairs[name])
        assert wanted.seg_logits.data.flatten(1).std(1).min() > 1e-3, name  # not constant
        for suffix in ('.npz', '.alone.npz'):
            found = np.load(f'{path}{suffix}')
            assert np.array_equal(found['logits'], wanted.seg_logits.data.numpy()), name
            assert np.array_equal(found['labels'], wanted.pred_sem_seg.data.numpy()), name
            assert np.array_equal(found['predictions'], found['labels'][0])
            assert found['classes'].tolist()[:3] == ['sky', 'building', 'pole']
            assert found['palette'][3].tolist() == [128, 64, 128]


def test_the_files_hold_what_predicting_needs_and_no_more(trained, tmp_path):
    model = network(backbone=RESNET, decode_head=FCN, objectives=WEIGHTING, channels_last=True)
    out = tmp_path / 'plain.pth'
    export(*trained('fcn', model, optim_wrapper=dict(type='OptimWrapper')), out)
    assert 'mmseg_joint' not in out.with_suffix('.py').read_text()
    cfg = Config.fromfile(out.with_suffix('.py'))
    assert cfg.model.type == 'EncoderDecoder'
    assert cfg.model.data_preprocessor.type == 'SegDataPreProcessor'
    assert cfg.model.data_preprocessor.mean == MODEL.data_preprocessor.mean
    assert not {'objectives', 'channels_last', 'merge_domains'} & set(cfg.model)
    assert cfg.model.backbone.init_cfg is None
    assert 'optim_wrapper' not in cfg
    kinds = [step.type for step in cfg.test_dataloader.dataset.pipeline]
    assert kinds == ['LoadImageFromFile', 'Resize', 'PackSegInputs']
    images = cfg.test_dataloader.dataset
    assert images.data_prefix.img_path == f'{tmp_path}/camvid/images/val'
    assert images.img_suffix == '.jpg'
    content = torch.load(out, weights_only=True)
    assert set(content) == {'meta', 'state_dict'}
    assert content['meta']['dataset_meta']['classes'][0] == 'sky'
    assert not [name for name in content['state_dict'] if name.startswith('objectives.')]
    assert all(value.is_contiguous() for value in content['state_dict'].values())


def test_a_dataset_of_mmseg_is_still_used_for_testing(trained, tmp_path, monkeypatch):
    dataset = dict(
        type='mmseg.CityscapesDataset',
        data_root='data/cityscapes',
        data_prefix=dict(img_path='leftImg8bit/val', seg_map_path='gtFine/val'),
        pipeline=[
            dict(type='LoadCheckedImage'),
            dict(type='LoadAnnotations'),
            dict(type='PackSegInputs'),
        ],
    )
    model = network(backbone=RESNET, decode_head={**FCN, 'num_classes': 19})
    own = 'from mmseg_joint.datasets import RawLabelDataset\n\nclass Own(RawLabelDataset): ...\n'
    (tmp_path / 'own_dataset.py').write_text(own, encoding='utf-8')
    monkeypatch.syspath_prepend(tmp_path)
    modules = ['mmseg_joint', 'own_dataset', 'numpy']
    imports = dict(imports=modules, allow_failed_imports=False)
    loader = dict(dataset=dict(type='RepeatDataset', times=1, dataset=dataset))
    files = trained('city', model, test_dataloader=loader, custom_imports=imports)
    export(*files, tmp_path / 'plain.pth')
    cfg = Config.fromfile(tmp_path / 'plain.py')
    assert cfg.custom_imports.imports == ['numpy']
    assert cfg.test_dataloader.dataset.type == 'mmseg.CityscapesDataset'
    assert cfg.test_dataloader.dataset.pipeline[1].type == 'LoadAnnotations'
    assert cfg.test_evaluator.type == 'IoUMetric'
    # without labels, or with a metric of ours, plain mmseg cannot test
    metric = dict(type='ClassIoUMetric')
    scored = trained('scored', model, test_dataloader=loader, test_evaluator=metric)
    dataset['pipeline'][1] = dict(type='LoadMappedAnnotations')
    unread = trained('unread', model, test_dataloader=loader, custom_imports=dict(imports='numpy'))
    for name, files in (('scored', scored), ('unread', unread)):
        export(*files, tmp_path / f'plain_{name}.pth')
        cfg = Config.fromfile(tmp_path / f'plain_{name}.py')
        assert cfg.test_dataloader.dataset.type == 'BaseSegDataset'
        assert 'test_evaluator' not in cfg
    assert cfg.custom_imports.imports == ['numpy']


def test_networks_of_ours_need_the_package(trained, tmp_path, capsys):
    head = {**MODEL['decode_head'], 'num_classes': 11}
    files = trained('hrs', network(decode_head=head, objectives=HRS))
    said = refusal(capsys, *files, tmp_path / 'plain.pth')
    assert 'model.backbone is VGGEncoder and model.decode_head is FCN8sHead' in said
    assert '--with-package' in said
    assert not (tmp_path / 'plain.pth').exists()

    export(*files, tmp_path / 'ours.pth', '--with-package')
    content = torch.load(tmp_path / 'ours.pth', weights_only=True)
    assert not [name for name in content['state_dict'] if name.startswith('objectives.')]
    cfg = Config.fromfile(tmp_path / 'ours.py')
    assert cfg.custom_imports.imports == ['mmseg_joint']
    assert 'objectives' not in cfg.model
    image = next((tmp_path / 'camvid/images/val').iterdir())

    from mmseg.apis import MMSegInferencer

    inferencer = MMSegInferencer(
        str(tmp_path / 'ours.py'), str(tmp_path / 'ours.pth'), device='cpu'
    )
    found = inferencer(str(image), return_datasamples=True)
    assert torch.equal(found.seg_logits.data, ours(*files).seg_logits.data)


def test_safetensors_carry_classes_and_the_same_weights(trained, tmp_path):
    safetensors = pytest.importorskip('safetensors')
    model = network(backbone=RESNET, decode_head=FCN, channels_last=True)
    export(*trained('fcn', model), tmp_path / 'plain.pth', '--safetensors')
    weights = torch.load(tmp_path / 'plain.pth', weights_only=True)['state_dict']
    with safetensors.safe_open(tmp_path / 'plain.safetensors', framework='pt') as file:
        assert json.loads(file.metadata()['classes'])[:2] == ['sky', 'building']
        assert json.loads(file.metadata()['palette'])[0] == [128, 128, 128]
        assert file.metadata()['format'] == 'pt'
        assert set(file.keys()) == set(weights)
        assert all(torch.equal(file.get_tensor(name), value) for name, value in weights.items())


def test_bad_input_ends_with_one_sentence_and_leaves_nothing(trained, tmp_path, capsys):
    """What `test_bad_input.py` does not try."""
    config, checkpoint = trained('fcn', network(backbone=RESNET, decode_head=FCN))
    out = tmp_path / 'out' / 'plain.pth'
    assert 'end its name in .pth' in refusal(capsys, config, checkpoint, tmp_path / 'plain')
    classes = '--cfg-options', 'model.decode_head.num_classes=12'
    assert 'has 11 classes' in refusal(capsys, config, checkpoint, out, *classes)
    assert 'made from' in refusal(capsys, config, checkpoint, checkpoint, '--force')
    same = tmp_path / 'camvid/../fcn.pth'
    assert 'made from' in refusal(capsys, config, checkpoint, same, '--force')
    (tmp_path / 'folder.pth').mkdir()
    said = refusal(capsys, config, checkpoint, tmp_path / 'folder.pth', '--force')
    assert 'folder.pth, which is a folder: name a file' in said
    weights = checkpoint.rename(tmp_path / 'weights.pth')
    said = refusal(capsys, config, tmp_path / 'camvid/../weights.pth', weights, '--force')
    assert f'replace {weights}, which it is made from' in said
    assert not out.parent.exists()


def test_files_are_replaced_completely_or_not_at_all(trained, tmp_path, capsys, monkeypatch):
    config, checkpoint = trained('fcn', network(backbone=RESNET, decode_head=FCN))
    out = tmp_path / 'plain.pth'
    out.with_suffix('.py').write_text('mine')
    assert 'plain.py is there already' in refusal(capsys, config, checkpoint, out)
    assert not out.exists()

    def full_disk(content, path):
        Path(path).write_bytes(b'half')
        raise RuntimeError('PytorchStreamWriter failed writing file: No space left on device')

    with monkeypatch.context() as patch:
        patch.setattr(torch, 'save', full_disk)
        assert 'No space left' in refusal(capsys, config, checkpoint, out, '--force')
    assert out.with_suffix('.py').read_text() == 'mine'
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {'camvid', 'fcn.py', 'fcn.pth', 'plain.py'}

    export(config, checkpoint, out, '--force')
    assert out.with_suffix('.py').read_text() != 'mine'
    assert {path.name for path in tmp_path.iterdir()} == {*names, 'plain.pth'}


class OwnImage(LoadImageFromFile):
    pass


class OwnLabels(LoadAnnotations):
    pass


@pytest.mark.parametrize('first', ['LoadCheckedImage', 'LoadStreet', 'mmcv.LoadImageFromFile'])
def test_steps_that_load_are_those_that_the_inferencer_looks_for(first):
    kinds = (first, 'mmseg.LoadAnnotations', OwnLabels, 'LoadMappedAnnotations', 'PackSegInputs')
    steps = [dict(type=kind) for kind in kinds]
    given = copy.deepcopy(steps)
    plain = [step['type'] for step in plain_pipeline(given)]
    assert plain == ['LoadImageFromFile', 'LoadAnnotations', 'PackSegInputs']
    assert given == steps
    with pytest.raises(JointError, match='has no LoadImageFromFile or LoadCheckedImage'):
        plain_pipeline([dict(type=OwnImage), *steps[1:]])


def test_only_what_predicts_otherwise_is_kept():
    pretrained, constant = RESNET['init_cfg'], dict(type='Constant', val=1)
    model = network(
        pretrained='no.pth',
        backbone={**RESNET, 'init_cfg': [pretrained, constant]},
        decode_head=FCN,
        auxiliary_head={**FCN, 'loss_decode': SEGFORMER['loss_decode']},
        objectives=WEIGHTING,
    )
    plain = plain_model(without_training(model))
    assert plain['pretrained'] is None and 'objectives' not in plain
    assert plain['backbone']['init_cfg'] == [constant]
    assert plain['auxiliary_head'] == {**FCN, 'loss_decode': CROSS_ENTROPY}
    ours = dict(type='DeepLabV2Head', in_channels=16, in_index=2, num_classes=11)
    assert plain_model({**model, 'auxiliary_head': [FCN, ours]})['auxiliary_head'] is None
    timm = dict(type='TimmBackbone', model_name='vit', pretrained=True)
    plain = plain_model({**model, 'backbone': timm})
    assert plain['backbone'] == dict(type='TIMMBackbone', model_name='vit', pretrained=False)
    adapted = dict(timm, lora=dict(rank=2))  # mmseg's has none
    assert plain_model({**model, 'backbone': adapted})['backbone'] == adapted


def test_a_validated_dataset_is_tested_where_no_other_is_named():
    inner = dict(type='CamVidDataset', pipeline=PIPELINE)
    validated = dict(val_dataloader=dict(dataset=dict(type='LabelSubset', count=1, dataset=inner)))
    assert prediction_data.tested_dataset(validated) == inner
    with pytest.raises(JointError, match=r'has no test_dataloader\.dataset with a pipeline'):
        prediction_data.tested_dataset(
            dict(test_dataloader=dict(dataset=dict(type='CamVidDataset')))
        )


def test_weights_are_contiguous_copies():
    layer = nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
    weights = weights_of(layer)
    assert torch.equal(weights['weight'], layer.weight) and weights['weight'].is_contiguous()
    layer.bias.data.add_(1)
    assert not torch.equal(weights['bias'], layer.bias)


def test_twins_become_the_classes_that_they_replace():
    heads = [dict(FCN), dict(type='OCRHead', in_channels=32, channels=8, num_classes=11)]
    joint = dict(type='JointCascadeEncoderDecoder', num_stages=2, decode_head=heads)
    plain = plain_model(dict(joint, backbone=RESNET, sequential_domains=True))
    assert plain['type'] == 'CascadeEncoderDecoder'
    assert plain['num_stages'] == 2 and 'sequential_domains' not in plain
    assert plain['decode_head'][1]['type'] == 'OCRHead'
    masks = dict(type='JointMaskEncoderDecoder', backbone=RESNET, decode_head=dict(FCN))
    assert plain_model(masks)['type'] == 'EncoderDecoder'
