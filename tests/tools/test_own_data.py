"""Mistakes of new users with their own data, on the real command lines.

They use a child config of mmseg's SegFormer on four invented classes, as in docs/joint_config.md.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mmseg_joint.engine.work_dir import locked
from tests.pipelines.snippets import write_fields, write_files
from tests.ranks import train_on_ranks
from tests.tiny_configs import ROOT

pytestmark = pytest.mark.skipif(not hasattr(os, 'fork'), reason='needs os.fork')

TRAIN, DOCTOR = ROOT / 'tools/train.py', 'mmseg_joint.doctor'
SMALL = """
_base_ = './my_segformer.py'
narrow = dict(channels=(4, 4, 4, 4))
model = dict(
    backbone=dict(embed_dims=4, num_layers=[1] * 4, num_heads=[1, 2, 4, 8], init_cfg=None),
    decode_head=dict(in_channels=[4, 8, 16, 32], channels=8),
    data_preprocessor=dict(size=(64, 48)),
    objectives=dict(
        sa=dict(discriminator=dict(in_channels=32, channels=8)),
        ga=dict(discriminator=narrow),
        weighting=dict(network=narrow),
    ),
)
steps = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='Resize', scale=(64, 48)),
    dict(type='PackSegInputs'),
]
domains = dict(source=dict(pipeline=steps), target=dict(pipeline=steps))
domains['unlabeled'] = dict(pipeline=steps)
train_dataloader = dict(num_workers=0, dataset=dict(domains=domains))
val_dataloader = test_dataloader = dict(num_workers=0, persistent_workers=False)
param_scheduler = [dict(type='PolyLR', by_epoch=False)]
train_cfg = dict(max_iters=2, val_interval=2)
"""
TARGET = 'data/photos/images/train'
LABELS = 'data/photos/labels/train'


@pytest.fixture(scope='module')
def fields(tmp_path_factory):
    place = tmp_path_factory.mktemp('own')
    write_files(place)
    write_fields(place / 'data')
    (place / 'small.py').write_text(SMALL)
    return place


@pytest.fixture
def place(fields, tmp_path):
    return shutil.copytree(fields, tmp_path / 'place')


@pytest.fixture
def call(lines, place):
    """Call a tool on small.py with lines added to it; return its result."""

    def call(tool, added='', *arguments, **conditions):
        with (place / 'small.py').open('a') as config:
            config.write(f'\n{added}\n')
        return lines.run(tool, 'small.py', *arguments, cwd=place, **conditions)

    return call


def problems(ended) -> list[str]:
    assert 'Traceback' not in ended.stderr, ended.stderr
    return re.findall(r'^(?:problem|error): (.*)$', ended.stdout + ended.stderr, re.MULTILINE)


@pytest.fixture
def refused(call):
    """Check that both the doctor and training end with these messages."""

    def refused(added, *patterns, doctor=True):
        tools = (DOCTOR, TRAIN) if doctor else (TRAIN,)
        for number, tool in enumerate(tools):
            ended = call(tool, '' if number else added)
            said = problems(ended)
            assert ended.status == (2 if tool is TRAIN else 1), ended
            wanted = patterns[:1] if tool is TRAIN else patterns
            assert len(said) == len(wanted), said
            assert all(map(re.search, wanted, said)), said

    return refused


def test_the_doctor_finds_nothing_wrong(call):
    ended = call(DOCTOR)
    assert (ended.status, problems(ended)) == (0, [])
    assert not re.search(r'^ +hooks', ended.stdout, re.MULTILINE)


def test_a_schedule_that_is_longer_than_the_training(call):
    added = "param_scheduler = [dict(type='PolyLR', end=40, power=1.0, by_epoch=False)]"
    sentence = r'ends at iteration 40, but training stops at 2, at 95% of the learning rate: write'
    (said,) = problems(call(DOCTOR, added))
    assert re.search(sentence, said)
    ended = call(TRAIN)
    assert ended.status == 0
    assert re.search(rf'WARNING - param_scheduler: PolyLR {sentence}', ended.stdout + ended.stderr)


def test_a_run_is_alone_in_its_work_dir(call, place):
    assert call(TRAIN).status == 0
    left = {path: path.stat().st_mtime_ns for path in (place / 'work_dirs/small').glob('*.pth')}
    (said,) = problems(call(TRAIN))
    assert re.search(r'work_dirs/small has checkpoints of another run.*iter_2.pth: add --res', said)
    assert left == {path: path.stat().st_mtime_ns for path in left}
    with locked(place / 'work_dirs/other'):
        (said,) = problems(call(TRAIN, '', '--work-dir', 'work_dirs/other'))
    assert 'Another run writes to work_dirs/other right now: give another' in said


def test_labels_that_move_in_one_domain(refused):
    refused(
        "train_dataloader['dataset']['domains']['source']['reduce_zero_label'] = True",
        r'domains\.source has reduce_zero_label=True and .*domains\.target not',
    )


def test_training_on_what_is_scored(call, place):
    shutil.copytree(place / 'data/photos/images/val', place / 'data/photos/images/other')
    both = "val = dict(img_path='images/{}', seg_map_path='labels/val')\n"
    both += "train_dataloader['dataset']['domains']['target']['data_prefix'] = val"
    for folder, how in (('val', ''), ('other', ' under other names (3 were compared)')):
        (said,) = problems(call(DOCTOR, both.format(folder)))
        assert f'3 of its 3 images are also in train_dataloader.dataset.domains.target{how}' in said


def test_a_section_with_a_letter_missing(refused):
    refused('train_dataloder = dict(batch_size=3)', 'train_dataloder.*mean train_dataloader')


def test_arguments_of_a_loop(refused):
    refused('train_cfg = dict(max_iter=20)', "train_cfg has .* argument 'max_iter': correct")


@pytest.mark.parametrize(
    ('content', 'sentence'),
    [
        ('import nothing_there', r"my_module\.py, line 1: .* 'nothing_there'\): correct it there"),
        ('1 / 0', r'my_module\.py, line 1: ZeroDivisionError: division by zero\): correct it'),
        ('def', r'my_module\.py.*SyntaxError'),
        (None, r"is not found \(.*'my_module'\): correct its name, or set PYTHONPATH"),
    ],
)
def test_a_module_that_cannot_be_imported(call, place, content, sentence):
    if content:
        (place / 'my_module.py').write_text(content)
    imports = "custom_imports = dict(imports=['my_module'], allow_failed_imports=False)"
    (said,) = problems(call(DOCTOR, imports))
    assert re.search(sentence, said), said


def test_a_wrapper_that_knows_no_label_maps(refused):
    refused(
        "changed = train_dataloader['dataset']['domains']\n"
        "inner = dict(type='BaseSegDataset', data_root='data/photos', pipeline=steps)\n"
        "changed['target'] = dict(type='ClassBalancedDataset', dataset=inner, _delete_=True)\n"
        "changed['target']['oversample_thr'] = 0.1",
        r'target is a ClassBalancedDataset, .* \(RareClassSampling\)',
    )


def relabel(place, size):
    Image.fromarray(np.zeros(size, np.uint8)).save(place / LABELS / '2.png')


def to_png(place, **_):
    for path in (place / TARGET).iterdir():
        Image.open(path).save(path.with_suffix('.png'))
        path.unlink()


LISTED = "train_dataloader['dataset']['domains']['target']['ann_file'] = 'list.txt'"
FILES = {
    'missing label': (lambda p: (p / LABELS / '2.png').unlink(), '', r'1 of 3 images have no lab'),
    'larger label': (
        lambda p: relabel(p, (90, 120)),
        '',
        r'2.png. .*(120x90 .*80x60|90, 120.*60, 80)',
    ),
    'blank line': (
        lambda p: (p / 'data/photos/list.txt').write_text('0\n\n1\n'),
        LISTED,
        r'list.txt. has a blank line: delete it',
    ),
    'suffixes': (
        lambda p: (p / 'data/photos/list.txt').write_text('0.jpg\n1.jpg\n'),
        LISTED,
        "has names with '.jpg', which img_suffix adds: list them without",
    ),
    'other suffix': (to_png, '', "holds 3 files .*png.*: *set img_suffix='.png'|set img_suffix"),
    'validation without labels': (
        lambda p: shutil.rmtree(p / 'data/photos/labels/val'),
        '',
        r'val_dataloader\.dataset: 3 of 3 images have no label',
    ),
}


@pytest.mark.parametrize('mistake', FILES)
def test_files_are_looked_up_at_the_start(mistake, call, place):
    spoil, added, sentence = FILES[mistake]
    spoil(place)
    found = problems(call(DOCTOR, added))
    assert any(re.search(sentence, said) for said in found), found
    ended = call(TRAIN)
    (said,) = problems(ended)
    assert re.search(sentence, said), said
    assert 'Iter(train)' not in ended.stdout
    assert not Path(place, 'work_dirs/small/iter_2.pth').exists()


def test_another_order_of_the_classes(refused):
    refused(
        "other = dict(classes=('crop', 'soil', 'weed', 'stone'))\n"
        "train_dataloader['dataset']['domains']['source']['metainfo'] = other",
        r'another order, class 0 is crop / soil: give them one order',
    )


def test_resuming_a_finished_run_is_not_silent(call):
    assert call(TRAIN).status == 0
    ended = call(TRAIN, '', '--resume')
    assert ended.status == 0
    said = r'iter_2\.pth is at iteration 2, where train_cfg\.max_iters ends training: raise it'
    assert re.search(said, ended.stdout + ended.stderr)
    (said,) = problems(call(TRAIN, '', '--resume', '--cfg-options', 'train_cfg.max_iters=1'))
    assert 'is at iteration 2, and train_cfg.max_iters is 1: nothing is left to train' in said


def test_a_disk_that_is_full_at_the_first_checkpoint(call):
    (said,) = problems(call(TRAIN, '', room=300_000))
    assert re.search(r'iter_2\.pth could not be .*: make room on the disk and start again', said)


def test_a_start_is_quiet(call):
    ended = call(TRAIN)
    assert 'OneDL' not in ended.stdout + ended.stderr
    written = ended.stdout + ended.stderr
    assert 'paramwise_options' not in written
    assert re.search(r'optim_wrapper\.segmentor\.paramwise_cfg sets options of \d+ param', written)


def test_ctrl_c_says_how_to_resume(call):
    stop = "custom_imports = dict(imports=['mmseg_joint', 'tests.tools.stopping'])\n"
    stop += "custom_hooks = [dict(type='InterruptHook', step=1)]\n"
    stop += 'default_hooks = dict(checkpoint=dict(interval=1))'
    ended = call(TRAIN, stop)
    assert ended.status == 130
    last = ended.stderr.strip().splitlines()[-1]
    assert last == 'stopped: at iteration 1, go on from iter_1.pth with --resume.'
    assert 'Traceback' not in ended.stderr
    ended = call(TRAIN, 'custom_hooks[0]["step"] = 0', '--work-dir', 'other')
    assert 'stopped: at iteration 0, no checkpoint has been written yet.' in ended.stderr


def test_several_processes_without_a_gpu_train_a_model_with_sync_bn(place, monkeypatch):
    monkeypatch.chdir(place)
    train_on_ranks(place / 'small.py')
    assert (place / 'work_dirs/small/iter_2.pth').exists()
    (log,) = (place / 'work_dirs/small').glob('*/*.log')
    assert 'SyncBN needs GPUs and is BN here' in log.read_text()


def test_few_threads_on_a_loaded_machine(call, place):
    crowded = "custom_imports = dict(imports=['mmseg_joint', 'tests.tools.crowding'])"
    hint = r'1.0 of \d+ cores are idle: torch takes 1 instead of 4 threads, and OMP_NUM_THREADS'
    ended = call(DOCTOR, crowded, '--step')
    assert ended.status == 0, ended
    assert re.search(rf'^  threads +{hint}', ended.stdout, re.MULTILINE)
    ended = call(TRAIN)
    assert ended.status == 0, ended
    assert re.search(rf'WARNING - {hint}', ended.stdout + ended.stderr)
    hub = torch.load(place / 'work_dirs/small/iter_2.pth', weights_only=False)['message_hub']
    assert hub['runtime_info']['torch_threads'] == 1


def test_the_doctor_reports_what_a_child_of_an_mmseg_config_lacks(call):
    bare = 'default_hooks = dict(_delete_=True)\ncustom_hooks = []\nrandomness = dict(seed=None)'
    said = call(DOCTOR, bare).stdout
    assert re.search(r'hooks +warning: without the same seed in every run, exact resume,', said)
    assert 'mmseg_joint::_base_/joint_runtime.py' in said
