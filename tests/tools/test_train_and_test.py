"""The command line, as a user calls it."""

from __future__ import annotations

import copy
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import mmseg
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS
from PIL import Image

from mmseg_joint.checkpoints import read
from tests.tiny_configs import ROOT, tiny

TRAIN, TEST = ROOT / 'tools/train.py', ROOT / 'tools/test.py'


@pytest.fixture
def config(roots, tmp_path):
    """Write a tiny HRS config to its own file."""
    cfg = tiny(ROOT / 'configs/hrs_fcn8s_streets.py', roots, tmp_path / 'work')
    cfg.default_hooks.checkpoint.interval = 1
    path = tmp_path / 'tiny_hrs.py'
    cfg.dump(path)
    return path


def load(path: Path) -> dict:
    return torch.load(path, weights_only=False)


def test_train_then_test_with_all_outputs(config, call, lines, tmp_path):
    ended = lines.run(TRAIN, config, '--work-dir', tmp_path / 'run', cwd=tmp_path)
    assert ended.status == 0, ended.stderr
    checkpoint = tmp_path / 'run/iter_2.pth'
    out, shown = tmp_path / 'out', tmp_path / 'shown'
    arguments = ('--work-dir', tmp_path / 'test', '--out', out, '--show-dir', shown)
    ended = lines.run(TEST, config, checkpoint, *arguments, cwd=tmp_path)
    assert ended.status == 0, ended.stderr
    predictions = sorted(out.glob('*.png'))
    assert len(predictions) == 3
    assert np.asarray(Image.open(predictions[0])).shape == (60, 80)
    assert list(shown.rglob('*.png'))
    assert call(TEST, config, checkpoint, '--work-dir', tmp_path / 'tta', '--tta').status == 0

    # the same names in two folders
    data = tmp_path / 'cities'
    shutil.copytree(Config.fromfile(config).test_dataloader.dataset.data_root, data)
    for city in [*data.glob('*/val/*')]:
        shutil.copytree(city, city.with_name('twin'))
    moved = f'test_dataloader.dataset.data_root={data}'
    status, _, said = call(TEST, config, checkpoint, '--out', out, '--cfg-options', moved)
    assert status == 2
    assert re.search(r'error: The predictions of \S+ and \S+/twin/\S+ would overwrite', said)


@pytest.mark.parametrize('workers', [0, 2])
def test_a_resumed_run_ends_with_the_weights_of_the_whole_one(config, lines, tmp_path, workers):
    options = (
        '--cfg-options',
        'train_cfg.max_iters=4',
        'train_cfg.val_interval=1',  # validation draws random numbers too
        'model.backbone.dropout_ratio=0.5',
        f'train_dataloader.num_workers={workers}',
        'default_hooks.checkpoint.max_keep_ckpts=9',
    )
    whole, resumed = tmp_path / 'whole', tmp_path / 'resumed'

    def train(*arguments):
        ended = lines.run(TRAIN, config, '--work-dir', *arguments, cwd=tmp_path)
        said = re.sub(
            r'\S+:\d+: \w*Warning: .*\n.*\n', '', ended.stderr
        )  # except Python's warnings
        assert (ended.status, said) == (0, '')

    train(whole, *options)
    middle = whole / 'iter_2.pth'
    train(resumed, '--resume', middle, *options)
    expected, got = load(whole / 'iter_4.pth'), load(resumed / 'iter_4.pth')
    assert got['meta']['iter'] == 4
    for name, value in expected['state_dict'].items():
        assert torch.equal(got['state_dict'][name], value), name
    assert not torch.equal(*(load(p)['state_dict']['backbone.fc7.weight'] for p in (
        middle, resumed / 'iter_4.pth')))  # fmt: skip

    # without a path: from the newest checkpoint in the work dir
    longer = [o.replace('max_iters=4', 'max_iters=5') for o in options]
    train(resumed, '--resume', *longer)
    last = load(resumed / 'iter_5.pth')
    assert last['meta']['iter'] == 5
    ends = [state['end'] for states in last['param_schedulers'].values() for state in states]
    assert ends and set(ends) == {5}  # as in the current config


@pytest.mark.parametrize('named', [False, True])
def test_resuming_reads_the_checkpoint_once(config, call, tmp_path, monkeypatch, named):
    run = tmp_path / 'run'
    assert call(TRAIN, config, '--work-dir', run)[::2] == (0, '')
    checkpoint = str(run / 'iter_2.pth')
    opened = []

    def spy(path, *args):
        opened.append(str(path))
        return open(path, *args)

    monkeypatch.setattr(read, 'open', spy, raising=False)
    loads, load = [], torch.load

    def spy_load(file, *args, **kwargs):
        loads.append(file)
        return load(file, *args, **kwargs)

    monkeypatch.setattr(torch, 'load', spy_load)
    resume = ['--resume', checkpoint] if named else ['--resume']
    options = ('--cfg-options', 'train_cfg.max_iters=3')
    assert call(TRAIN, config, '--work-dir', run, *resume, *options)[::2] == (0, '')
    assert (run / 'iter_3.pth').exists()
    assert opened == [checkpoint]
    assert len(loads) == 1


def test_amp_is_bfloat16_on_a_cpu(config, call, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    seen = []
    autocast = torch.autocast

    def spy(*args, **kwargs):
        seen.append(kwargs.get('dtype', args[1] if len(args) > 1 else None))
        return autocast(*args, **kwargs)

    monkeypatch.setattr(torch, 'autocast', spy)
    assert call(TRAIN, config, '--work-dir', tmp_path / 'run', '--amp').status == 0
    assert torch.bfloat16 in seen
    assert torch.float16 not in seen


def test_mmseg_trains_and_resumes_our_config_from_another_folder(config, lines, tmp_path):
    tool = Path(mmseg.__file__).parent / '.mim/tools/train.py'
    if not tool.exists():
        pytest.skip('this mmseg was installed without its tools')
    elsewhere = tmp_path / 'elsewhere'
    elsewhere.mkdir()
    quick = tmp_path / 'quick.py'
    imports = ['mmseg_joint', 'tests.tools.taking_shortcuts']
    quick.write_text(f"_base_ = './{config.name}'\ncustom_imports = dict(imports={imports})")
    arguments = (quick, '--work-dir', tmp_path / 'run')
    # in its own process, where our package is not imported before the config asks for it
    environment = {**os.environ, 'PYTHONPATH': str(ROOT)}
    command = [sys.executable, str(tool), *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=elsewhere)
    assert done.returncode == 0, done.stderr[-2000:]
    assert (tmp_path / 'run/iter_2.pth').exists()
    longer = ('--resume', '--cfg-options', 'train_cfg.max_iters=3')
    weights_only = dict(TORCH_FORCE_WEIGHTS_ONLY_LOAD='1')  # as upstream's mmengine loads today
    ended = lines.run(tool, *arguments, *longer, cwd=elsewhere, environment=weights_only)
    assert ended.status == 0, ended.stderr
    assert load(tmp_path / 'run/iter_3.pth')['meta']['iter'] == 3


def test_a_loss_that_explodes_ends_with_one_sentence(config, call, tmp_path):
    rate, length = 'optim_wrapper.segmentor.optimizer.lr=1e30', 'train_cfg.max_iters=9'
    ended = call(TRAIN, config, '--work-dir', tmp_path / 'run', '--cfg-options', rate, length)
    said = ended.stderr.strip().splitlines()[-1]
    assert ended.status == 2
    assert re.search(r'^error: The loss is (nan|inf).*optimizer\.lr', said), said
    assert 'Traceback' not in ended.stderr
    assert [path.name for path in (tmp_path / 'run').glob('*.pth')] == ['iter_1.pth']


def test_a_bad_label_file_is_named_from_a_worker(config, roots, lines, tmp_path):
    label = next((roots['CityscapesIdsDataset'] / 'gtFine/train').rglob('*_labelIds.png'))
    ids = np.array(Image.open(label))
    ids[0, 0] = 77
    Image.fromarray(ids).save(label)
    options = (
        'train_dataloader.num_workers=2',
        'train_dataloader.persistent_workers=False',
        'train_cfg.max_iters=4',
    )
    arguments = (config, '--work-dir', tmp_path / 'run', '--cfg-options', *options)
    ended = lines.run(TRAIN, *arguments, cwd=tmp_path)
    last = ended.stderr.strip().splitlines()[-1]
    assert (ended.status, last.startswith('error: ')) == (2, True)
    assert label.name in last


@pytest.fixture
def untrained(roots, tmp_path):
    """Write a tiny config without objectives and a checkpoint of its first weights."""
    cfg = tiny(ROOT / 'configs/joint_fcn8s_streets.py', roots, tmp_path / 'work')
    path, checkpoint = tmp_path / 'tiny_joint.py', tmp_path / 'first.pth'
    torch.save(dict(state_dict=MODELS.build(copy.deepcopy(cfg.model)).state_dict()), checkpoint)

    def write(**changes):
        for key, value in changes.items():
            cfg[key] = value
        cfg.dump(path)
        return path, checkpoint

    return write


@pytest.mark.parametrize(
    'evaluator',
    [
        [dict(type='IoUMetric'), dict(type='ClassIoUMetric')],
        dict(type='Evaluator', metrics=[dict(type='IoUMetric')]),
        dict(metrics=dict(type='IoUMetric')),
    ],
)
def test_predictions_are_written_whatever_form_the_evaluator_has(
    untrained, call, tmp_path, evaluator
):
    out = tmp_path / 'out'
    ended = call(TEST, *untrained(test_evaluator=evaluator), '--out', out)
    assert ended.status == 0, ended.stderr
    assert len([*out.glob('*.png')]) == 3


def test_drawing_without_a_visualizer_is_refused(untrained, call, tmp_path):
    status, _, said = call(TEST, *untrained(visualizer=None), '--show-dir', tmp_path / 'shown')
    assert status == 2
    assert 'draw through visualizer, which the config lacks' in said


def test_a_test_needs_no_training_data_even_of_a_config_that_resumes(untrained, call, roots):
    paths = untrained(resume=True)
    shutil.rmtree(roots['GTADataset'])
    ended = call(TEST, *paths)
    assert ended.status == 0, ended.stderr


def test_augmentation_reaches_a_dataset_in_wrappers(untrained, call, tmp_path):
    cfg = Config.fromfile(untrained()[0])
    subset = dict(type='LabelSubset', count=1, dataset=cfg.test_dataloader.dataset)
    cfg.test_dataloader.dataset = dict(type='LabelSubset', fraction=1, dataset=subset)
    ended = call(TEST, *untrained(test_dataloader=cfg.test_dataloader), '--tta')
    assert ended.status == 0, ended.stderr
