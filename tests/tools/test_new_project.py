"""tools/new_project.py inspects folders of images and writes a config that trains."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from importlib.util import find_spec

import pytest
import torch

from mmseg_joint.project.folders import find_images
from tests.project.files import COLORS, write
from tests.tiny_configs import ROOT

pytestmark = pytest.mark.skipif(not hasattr(os, 'fork'), reason='needs os.fork')

CLASSES = ('soil', 'crop', 'weed', 'stone', 'path')
TINY = """
_base_ = 'mmseg::segformer/segformer_mit-b0_8xb2-160k_ade20k-512x512.py'
model = dict(
    backbone=dict(embed_dims=4, num_layers=[1] * 4, num_heads=[1, 2, 4, 8], init_cfg=None),
    decode_head=dict(in_channels=[4, 8, 16, 32], channels=8),
)
"""
# for a trial run, shorter than the base's warm-up
SHORT = ('--cfg-options', 'train_cfg.max_iters=4', 'train_cfg.val_interval=4')
SHORT += ('default_hooks.checkpoint.interval=2', 'train_dataloader.num_workers=0')
SHORT += ('param_scheduler.0.end=2', 'param_scheduler.1.begin=2')
SHORT += ('val_dataloader.num_workers=0', 'default_hooks.logger.interval=1')


MMSEG = (
    'bisenetv2/bisenetv2_fcn_4xb4-160k_cityscapes-1024x1024',
    'cgnet/cgnet_fcn_4xb8-60k_cityscapes-512x1024',
    'deeplabv3plus/deeplabv3plus_r18-d8_4xb2-80k_cityscapes-512x1024',
    'erfnet/erfnet_fcn_4xb4-160k_cityscapes-512x1024',
    'fastscnn/fast_scnn_8xb4-160k_cityscapes-512x1024',
    'fcn/fcn_r18-d8_4xb2-80k_cityscapes-512x1024',
    'ocrnet/ocrnet_hr18s_4xb4-80k_ade20k-512x512',
    'pspnet/pspnet_r18-d8_4xb2-80k_cityscapes-512x1024',
    'segformer/segformer_mit-b0_8xb2-160k_ade20k-512x512',
    'upernet/upernet_r18_4xb4-160k_ade20k-512x512',
)


@pytest.fixture(scope='module')
def fields(tmp_path_factory):
    folder = tmp_path_factory.mktemp('fields')
    write(folder / 'sim', 'images/{}.jpg', 'labels/{}.png', 2, 0)
    write(folder / 'real', 'images/{}.jpg', 'labels/{}.png', 3, 100)
    return folder


@pytest.fixture
def new(lines, tmp_path):
    """Call the tool with some flags."""
    (tmp_path / 'tiny.py').write_text(TINY)

    def call(*flags):
        given = ('--mmseg', 'tiny.py', '--classes', *CLASSES, '--source', 'sim', '--target', 'real')
        return lines.run(
            ROOT / 'tools/new_project.py', *given, '--out', 'mine', *flags, cwd=tmp_path
        )

    return call


def test_the_config_trains_and_resumes_bit_for_bit(new, lines, tmp_path):
    write(tmp_path / 'sim', 'images/{}.jpg', 'labels/{}.png', 5, 0)
    write(tmp_path / 'real', 'images/train/{}.jpg', 'labels/train/{}.png', 4, 100)
    write(tmp_path / 'real', 'images/val/{}.jpg', 'labels/val/{}.png', 3, 200)
    write(tmp_path / 'more', '{}.png', None, 3, 300)
    ended = new('--unlabeled', 'more')
    assert ended.status == 0, ended
    assert 'no problem found' in ended.stdout
    assert 'target, val: 3 images in images/val/*.jpg, labels in labels/val/*.png' in ended.stdout
    look, train, study = ended.stdout.strip().splitlines()[-3:]
    assert '/study.py mine/joint.py --methods target joint --labels all --seeds 0 --iter' in look
    assert train.endswith('tools/train.py mine/joint.py')
    assert re.search(
        r'study\.py mine/joint\.py --methods target joint --labels 1 2 all .* --work-dir mine/st',
        study,
    )

    def run(work_dir, *flags):
        command = (ROOT / 'tools/train.py', 'mine/joint.py', '--work-dir', work_dir)
        done = lines.run(*command, *flags, *SHORT, cwd=tmp_path)
        assert done.status == 0, done
        return torch.load(tmp_path / work_dir / 'iter_4.pth', weights_only=False)

    early = lines.run(ROOT / 'tools/train.py', 'mine/joint.py', *SHORT[:2], cwd=tmp_path)
    assert re.search(
        r'error: param_scheduler: PolyLR begins at iteration 1,500 .*: t', early.stderr
    )
    whole = run('whole')
    (tmp_path / 'resumed').mkdir()
    shutil.copy(tmp_path / 'whole/iter_2.pth', tmp_path / 'resumed')
    resumed = run('resumed', '--resume')
    for key, value in whole['state_dict'].items():
        assert torch.equal(value, resumed['state_dict'][key]), key
    half = torch.load(tmp_path / 'whole/iter_2.pth', weights_only=False)['state_dict']
    assert not all(torch.equal(value, half[key]) for key, value in whole['state_dict'].items())


def test_printed_commands_can_be_pasted(new, tmp_path):
    write(tmp_path / 'sim', 'images/{}.jpg', 'labels/{}.png', 2, 0)
    write(tmp_path / 'real', '{}.jpg', '{}_mask.png', 3, 100)
    ended = new('--out', 'my city')
    look, train, study = map(shlex.split, ended.stdout.strip().splitlines()[-3:])
    assert train[2:] == look[2:3] == study[2:3] == ['my city/joint.py']
    assert look[-1] == 'my city/first_look'
    assert study[-1] == 'my city/study'


def test_colors_and_a_target_without_a_folder_for_validation(new, tmp_path):
    write(tmp_path / 'sim', 'rgb/{:03}_rgb.png', 'seg/{:03}_seg.png', 5, 0, color=True)
    write(tmp_path / 'real', 'a/{}.png', 'a/{}_mask.png', 10, 100, color=True)
    ended = new()
    assert ended.status == 2
    assert 'error: Labels of source and target are colors: give --colors FILE' in ended.stderr
    table = [f'{name} {r} {g} {b}' for name, (r, g, b) in zip(CLASSES, COLORS)]
    (tmp_path / 'colors.txt').write_text('\n'.join(['# mine', *table[:-1], 'pahth 0 0 255']))
    ended = new('--colors', 'colors.txt')
    assert 'the class pahth, which --classes lacks: did you mean path?' in ended.stderr
    (tmp_path / 'colors.txt').write_text('soil 110 80\n')
    ended = new('--colors', 'colors.txt')
    assert re.search(r'error: Line 1 of colors.txt is "soil 110 80": write a class', ended.stderr)
    (tmp_path / 'colors.txt').write_text('\n'.join(table), encoding='utf-16')
    assert 'colors.txt is not encoded as UTF-8' in new('--colors', 'colors.txt').stderr
    listed = '\n'.join([*table, 'crop 61 161 61', 'void 1 1 1'])
    (tmp_path / 'colors.txt').write_text(listed, encoding='utf-8-sig')  # as Windows saves it
    ended = new('--colors', 'colors.txt')
    assert ended.status == 0, ended
    assert '5 images in rgb/*_rgb.png, labels in seg/*_seg.png' in ended.stdout
    lists = [(tmp_path / f'mine/{name}.txt').read_text().split() for name in ('train', 'val')]
    assert [len(names) for names in lists] == [8, 2]
    assert not set(lists[0]) & set(lists[1])
    ended = new('--colors', 'colors.txt')  # again
    assert ended.status == 2
    assert 'mine/my_data.py, mine/joint.py, mine/train.txt, mine/val.txt would be' in ended.stderr


@pytest.mark.parametrize('colored', ['sim', 'real'])
def test_one_domain_may_have_colors_and_the_other_ids(new, tmp_path, colored):
    for name, first in (('sim', 0), ('real', 100)):
        write(tmp_path / name, '{}.jpg', '{}_mask.png', 5, first, color=name == colored)
    ended = new()
    domain = {'sim': 'source', 'real': 'target'}[colored]
    assert f'error: Labels of {domain} are colors: give --colors FILE' in ended.stderr
    table = [f'{name} {r} {g} {b}' for name, (r, g, b) in zip(CLASSES, COLORS)]
    (tmp_path / 'colors.txt').write_text('\n'.join(table))
    ended = new('--colors', 'colors.txt')
    assert ended.status == 0, ended
    shares = re.findall(
        r'^  (?:soil|crop|weed|stone|path) +(\S+) +(\S+)', ended.stdout, re.MULTILINE
    )
    assert len(shares) == 5 and all('-' not in pair for pair in shares)


@pytest.mark.parametrize('target', ['ids', 'indices', 'colors'])
def test_the_source_may_have_other_ids(new, tmp_path, target):
    ids = (7, 20, 22, 40, 41)
    write(tmp_path / 'sim', '{}.jpg', '{}_mask.png', 5, 0, ids=ids)
    own = dict(ids=dict(ids=ids[::-1]), indices={}, colors=dict(color=True))[target]
    write(tmp_path / 'real', '{}.jpg', '{}_mask.png', 5, 100, **own)
    table = [f'{name} {r} {g} {b}' for name, (r, g, b) in zip(CLASSES, COLORS)]
    (tmp_path / 'colors.txt').write_text('\n'.join(table))
    for name, order in (('sim', ids), ('real', ids[::-1])):
        lines = [f'{x} {number}' for x, number in zip((*CLASSES, 'crop', 'void'), (*order, 21, 0))]
        (tmp_path / f'{name}.txt').write_text('\n'.join(lines))
    assert 'holds [7, 20, 22, 40, 41]' in new('--colors', 'colors.txt', '--out', 'before').stdout
    flags = dict(ids=('--target-ids', 'real.txt'), indices=(), colors=('--colors', 'colors.txt'))
    ended = new('--source-ids', 'sim.txt', *flags[target])
    assert ended.status == 0, ended
    assert 'no problem found' in ended.stdout
    # both domains' labels, and those of validation, are of all five classes
    shares = re.findall(r'^  (?:soil|crop|weed|stone|path) +(.*)$', ended.stdout, re.MULTILINE)
    assert len(shares) == 5 and all('-' not in line for line in shares)
    if target == 'colors':
        shutil.rmtree(tmp_path / 'mine')
        ended = new('--target-ids', 'real.txt', '--source-ids', 'sim.txt', *flags[target])
        assert 'warning, not used: --target-ids real.txt, since its labels are c' in ended.stdout
    (tmp_path / 'sim.txt').write_text('soil 7\ncrop is 20')
    said = new('--source-ids', 'sim.txt', '--out', 'other', *flags[target]).stderr
    assert (
        'error: Line 2 of sim.txt has the class crop is, which --classes lacks: did you me' in said
    )


def test_after_a_problem_the_commands_are_printed_too(new, tmp_path):
    write(tmp_path / 'sim', '{}.jpg', '{}_mask.png', 2, 0)
    write(tmp_path / 'real', '{}.jpg', '{}_mask.png', 2, 100)
    (tmp_path / 'unused.txt').write_text('')
    ended = new('--classes', *CLASSES, 'never', '--colors', 'unused.txt')
    assert ended.status == 2
    assert 'shows never: correct' in ended.stdout
    assert 'warning, not used: --colors unused.txt' in ended.stdout
    assert 'joint.py is written, but has problems' in ended.stderr
    assert 'once `python -m mmseg_joint.doctor mine/joint.py` finds no problem' in ended.stdout
    study = ended.stdout.strip().splitlines()[-1]
    assert '--labels all --seeds' in study  # one is left for training, and no part of it


def test_images_without_a_label_are_in_no_list(new, tmp_path):
    write(tmp_path / 'sim', 'images/{}.jpg', 'labels/{}.png', 4, 0)
    write(tmp_path / 'real', 'images/{}.jpg', 'labels/{}.png', 5, 100)
    for path in ('sim/labels/1.png', 'real/labels/2.png'):
        (tmp_path / path).unlink()
    ended = new()
    assert ended.status == 0, ended
    assert 'not used: 1 of 5 images have no label, the first is images/2.jpg' in ended.stdout
    lists = {path.name: path.read_text().split() for path in (tmp_path / 'mine').glob('*.txt')}
    assert lists == {
        'source_train.txt': ['0', '2', '3'],
        'train.txt': ['0', '1', '3'],
        'val.txt': ['4'],
    }


def test_of_labels_in_both_forms_ids_are_taken_unless_colors_are_given(tmp_path):
    image = 'leftImg8bit/train/ulm/ulm_{}_leftImg8bit.png'
    for tail, color in (('color', True), ('labelIds', False)):
        write(tmp_path, image, f'gtFine/train/ulm/ulm_{{}}_gtFine_{tail}.png', 2, 0, color)
    for in_color, tail in ((False, 'labelIds'), (True, 'color')):
        found = find_images(tmp_path, in_color=in_color)['train']
        assert found.seg_map_suffix == f'_gtFine_{tail}.png'
        assert found.in_color == in_color


@pytest.mark.parametrize(
    ('flags', 'sentence'),
    [
        (('--target', 'gone'), 'There is no folder gone: correct the path'),
        (('--target', 'more'), 'more has images in ., but no labels whose names begin as theirs'),
        (
            ('--labels', 'labels', 'ids'),
            '--labels ids is part of no path in sim or real: correct it',
        ),
        (('--classes', 'soil', 'soil'), '--classes needs 2 to 255 names, each once'),
        (('--classes', *map(str, range(256))), '--classes needs 2 to 255 names, each once'),
        (('--colors', 'gone.txt'), 'gone.txt'),
        (('--out', 'tiny.py'), '--out tiny.py is a file: name a folder'),
        (('--mmseg', 'mmseg::gone.py'), r'There is no config mmseg::gone.py \(--mmseg\)'),
        (
            ('--mmseg', 'mmseg::vpd/vpd_sd_4xb8-25k_nyu-512x512.py'),
            'is a DepthEstimator, which has no joint form',
        ),
    ],
)
def test_folders_that_cannot_be_interpreted_are_reported(new, tmp_path, flags, sentence):
    write(tmp_path / 'sim', 'images/{}.jpg', 'labels/{}.png', 2, 0)
    write(tmp_path / 'real', 'images/{}.jpg', 'labels/{}.png', 2, 100)
    write(tmp_path / 'more', '{}.jpg', None, 2, 300)
    ended = new(*flags)
    assert ended.status == 2
    assert re.search(f'error: .*{sentence}', ended.stderr), ended.stderr
    assert not (tmp_path / 'mine').exists()


@pytest.mark.parametrize('config', MMSEG)
def test_a_child_of_an_mmseg_config_has_no_false_problem(config, lines, fields):
    words = ('--source', 'sim', '--target', 'real', '--out', config.partition('/')[0])
    ended = lines.run(
        ROOT / 'tools/new_project.py',
        *('--mmseg', f'mmseg::{config}.py', '--classes', *CLASSES, *words),
        cwd=fields,
    )
    assert ended.status == 0, ended
    assert 'no problem found' in ended.stdout


def test_mask2former_says_what_it_needs(lines, fields):
    words = ('--classes', *CLASSES, '--source', 'sim', '--target', 'real', '--out', 'mask2former')
    base = 'mmseg::mask2former/mask2former_r50_8xb2-160k_ade20k-512x512.py'
    ended = lines.run(ROOT / 'tools/new_project.py', '--mmseg', base, *words, cwd=fields)
    if find_spec('mmdet'):
        assert ended.status == 0, ended
        assert 'no problem found' in ended.stdout
        return
    (said,) = re.findall(r'^problem: (.*)$', ended.stdout, re.MULTILINE)
    assert re.search('Mask2FormerHead needs mmdet, .* not installed: install it, or choose', said)
    assert 'mask2former/joint.py is written, but has problems: solve those above' in ended.stderr
