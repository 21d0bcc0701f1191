from __future__ import annotations

import hashlib
from functools import partial

import pytest
from mmengine.config import Config
from PIL import Image

from mmseg_joint.datasets import LabelSubset
from mmseg_joint.datasets.label_lists.files import read_names
from tests.tiny_configs import ROOT

TOOL = ROOT / 'tools/make_label_lists.py'


@pytest.fixture
def call(call):
    return partial(call, TOOL)


@pytest.fixture
def folder(tmp_path):
    for i in range(9):
        path = tmp_path / f'images/{"ab"[i % 2]}/{i:03d}.jpg'
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new('RGB', (8, 6)).save(path)
    return tmp_path / 'images'


@pytest.fixture
def config(tmp_path, write_cityscapes, pipeline):
    write_cityscapes(tmp_path / 'city', count=8)
    inner = dict(type='CityscapesIdsDataset', data_root=str(tmp_path / 'city'), pipeline=pipeline())
    unread = dict(type='LabelSubset', dataset=inner, count=2, list_file='/not/yet/{count}.txt')
    domains = dict(target=unread, unlabeled=inner, source=[inner, inner])
    path = tmp_path / 'config.py'
    Config(dict(train_dataloader=dict(dataset=dict(type='JointDataset', domains=domains)))).dump(
        path
    )
    return path


def lists(out):
    return {path.name: read_names(path) for path in out.glob('*.txt')}


def test_the_current_folder_has_a_name(call, folder, tmp_path, monkeypatch):
    monkeypatch.chdir(folder / 'a')
    for name, place in (('a', '.'), ('images', '..')):
        assert call(place, '--counts', 2, '--out', tmp_path / name).status == 0
        assert set(lists(tmp_path / name)) == {f'{name}.txt', '0002_seed0.txt'}


def test_a_folder(call, folder, tmp_path):
    out = tmp_path / 'lists'
    status, printed, _ = call(folder, '--counts', 2, 5, '--seeds', 0, 3, '--out', out)
    assert status == 0
    found = lists(out)
    counted = {f'{count:04d}_seed{seed}.txt': count for count in (2, 5) for seed in (0, 3)}
    assert {name: len(names) for name, names in found.items()} == {'images.txt': 9, **counted}
    for seed in (0, 3):
        small, large = (set(found[f'{count:04d}_seed{seed}.txt']) for count in (2, 5))
        assert small < large < set(found['images.txt'])
    for line in (out / 'SHA256SUMS').read_text().splitlines():
        digest, name = line.split('  ')
        assert hashlib.sha256((out / name).read_bytes()).hexdigest() == digest
        assert f'{out / name}: {len(found[name])} images, sha256 {digest}' in printed


@pytest.mark.parametrize('count', [1, 4, 8])
@pytest.mark.parametrize('seed', [0, 1])
def test_labeled_and_held_out_never_overlap(call, folder, tmp_path, count, seed):
    out = tmp_path / 'lists'
    assert call(folder, '--counts', count, '--seeds', seed, '--held-out', '--out', out)[0] == 0
    found = lists(out)
    labeled = found[f'{count:04d}_seed{seed}.txt']
    held_out = found[f'{count:04d}_seed{seed}_held_out.txt']
    assert len(labeled) == count and not set(labeled) & set(held_out)
    assert sorted(labeled + held_out) == found['images.txt']


@pytest.mark.parametrize('domain', [(), ('--domain', 'unlabeled')])
def test_a_config_gives_what_its_subset_draws(call, config, tmp_path, domain):
    out = tmp_path / 'lists'
    assert call(config, *domain, '--counts', 3, '--out', out)[0] == 0
    inner = Config.fromfile(config).train_dataloader.dataset.domains.unlabeled
    drawn = LabelSubset(inner, count=3)
    read = LabelSubset(inner, count=3, list_file=str(out / '{count:04d}_seed{seed}.txt'))
    assert read.names == drawn.names
    suffix = '_leftImg8bit.png'
    assert lists(out)['0003_seed0.txt'] == [name.removesuffix(suffix) for name in drawn.names]
    assert len(lists(out)['train.txt']) == 8


def test_a_config_without_domains(call, config, tmp_path):
    cfg = Config.fromfile(config)
    cfg.train_dataloader.dataset = cfg.train_dataloader.dataset.domains.unlabeled
    cfg.dump(tmp_path / 'plain.py')
    assert call(tmp_path / 'plain.py', '--counts', 3, '--out', tmp_path / 'lists')[0] == 0
    assert len(lists(tmp_path / 'lists')['0003_seed0.txt']) == 3


def test_overwrites_only_with_force(call, folder, tmp_path):
    out = tmp_path / 'lists'
    call(folder, '--counts', 2, '--out', out)
    (out / '0002_seed0.txt').write_text('edited')
    status, _, complaint = call(folder, '--counts', 2, 3, '--out', out)
    assert status == 2 and 'is there already' in complaint and '--force' in complaint
    assert lists(out)['0002_seed0.txt'] == ['edited'] and not (out / '0003_seed0.txt').exists()
    assert call(folder, '--counts', 3, '--force', '--out', out)[0] == 0
    assert lists(out)['0002_seed0.txt'] == ['edited']
    sums = (out / 'SHA256SUMS').read_text()
    assert [line.split()[1] for line in sums.splitlines()] == sorted(lists(out))
    assert hashlib.sha256(b'edited').hexdigest() not in sums  # an edited list is still detected
    assert call(folder, '--counts', 2, '--force', '--out', out)[0] == 0
    assert len(lists(out)['0002_seed0.txt']) == 2


@pytest.mark.parametrize(
    'arguments, complaint',
    [
        (('images', '--counts', 10), '--counts 10: choose from 1 to 9'),
        (('images', '--counts', 0), '--counts 0: choose from 1 to 9'),
        (('images', '--counts', 9, '--held-out'), 'choose from 1 to 8'),
        (('images', '--counts', 2, '--suffix', '.tif'), 'no image that ends in .tif'),
        (('images', '--counts', 2, '--domain', 'target'), '--domain goes with a config'),
        (('absent.py', '--counts', 2), 'There is no config absent.py'),
        (('config.py', '--counts', 2, '--suffix', '.png'), '--suffix goes with a folder'),
        (('config.py', '--counts', 2, '--domain', 'x'), 'has source, target, unlabeled'),
        (('config.py', '--counts', 2, '--domain', 'source'), 'is several datasets'),
        (('config.py', '--counts', 9), '--counts 9: choose from 1 to 8'),
        (('alone.py', '--counts', 2, '--domain', 'target'), 'has no domains, so leave it out'),
    ],
)
def test_mistakes_are_reported(call, folder, config, tmp_path, monkeypatch, arguments, complaint):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'alone.py').write_text("train_dataloader = dict(dataset=dict(type='GTADataset'))")
    status, _, message = call(*arguments, '--out', 'lists')
    assert status == 2 and complaint in message and 'Traceback' not in message
    assert not (tmp_path / 'lists').exists()
