from __future__ import annotations

import itertools
import os
import shutil
import signal
from multiprocessing import get_context

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from mmseg_joint.errors import JointError
from mmseg_joint.utils.atomic_write import LEFTOVERS
from tests.tiny_configs import ROOT, shrink
from tests.tools.loading import load_tool


@pytest.fixture(scope='module')
def tool():
    return load_tool('prepare_dataset')


@pytest.fixture
def config(roots, tmp_path):
    """Write the data of a real config with reduced sizes and all augmentations."""
    cfg = Config.fromfile(ROOT / 'configs/_base_/datasets/ass_synthia_city.py')
    shrink(cfg.train_dataloader, roots)
    cfg.train_dataloader.update(num_workers=0, persistent_workers=False)
    cfg.custom_imports = dict(imports=['mmseg_joint'], allow_failed_imports=False)
    path = tmp_path / 'config.py'
    cfg.dump(path)
    return path


def batches(cfg, count=3):
    loader = iter(Runner.build_dataloader(cfg.train_dataloader, seed=3))
    return [next(loader) for _ in range(count)]


def test_the_same_config_reads_the_copies_by_one_value(tool, config, roots, capsys):
    options = {}
    for domain in ('source', 'target', 'unlabeled'):
        tool.main([str(config), '--domain', domain, '--workers', '1'])
        said = capsys.readouterr().out.strip().splitlines()
        key, value = said[-1].removeprefix('to read it: --cfg-options ').split('=')
        options[key] = value
    assert len(options) == 3
    before = batches(Config.fromfile(config))
    for kind in ('SynthiaDataset', 'CityscapesIdsDataset'):
        shutil.rmtree(roots[kind])
    cfg = Config.fromfile(config)
    cfg.merge_from_dict(options)
    for one, two in zip(before, batches(cfg)):
        assert all(torch.equal(a, b) for a, b in zip(one['inputs'], two['inputs'], strict=True))
        for a, b in zip(one['data_samples'], two['data_samples'], strict=True):
            assert a.metainfo['draw'] == b.metainfo['draw']
            assert ('gt_sem_seg' in a) == ('gt_sem_seg' in b) == (a.domain != 'unlabeled')
            if 'gt_sem_seg' in a:
                assert torch.equal(a.gt_sem_seg.data, b.gt_sem_seg.data)


def test_a_dataset_without_a_config(tool, roots, tmp_path, capsys):
    out = tmp_path / 'small'
    flags = ['--type', 'NTHUDataset', '--root', str(roots['NTHUDataset']), '--size', '20', '10']
    more = ['--out', str(out), '--workers', '1', '--cfg-options', 'city=Rome']
    tool.main([*flags, *more])
    assert '3 images of 20x10, 3 of them written now' in capsys.readouterr().out
    assert len(list((out / 'Rome/Images/Test').iterdir())) == 3
    tool.main([*flags, *more])
    assert '0 of them written now' in capsys.readouterr().out


def contents(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob('*') if p.is_file()}


# write 1 is the manifest, then label and image of each of 3, and write 8 the manifest again
@pytest.mark.parametrize(('writing', 'workers'), [(1, 1), (2, 1), (3, 1), (6, 1), (8, 1), (5, 2)])
def test_a_killed_copy_is_finished_to_the_byte(
    tool, roots, tmp_path, monkeypatch, writing, workers
):
    def command(out):
        flags = ['--type', 'GTADataset', '--root', str(roots['GTADataset']), '--size', '20', '10']
        return [*flags, '--out', str(out), '--workers', str(workers)]

    def killed():
        count = itertools.count(1)

        def sync(_):
            if next(count) == writing:
                os.kill(os.getpid(), signal.SIGKILL)

        monkeypatch.setattr(os, 'fsync', sync)
        tool.main(command(tmp_path / 'killed'))

    tool.main(command(tmp_path / 'whole'))
    child = get_context('fork').Process(target=killed)
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    assert list((tmp_path / 'killed').rglob(LEFTOVERS))
    tool.main(command(tmp_path / 'killed'))
    assert contents(tmp_path / 'killed') == contents(tmp_path / 'whole')


@pytest.mark.parametrize(
    ('flags', 'message'),
    [
        ([], 'Name a CONFIG and its --domain, or give --type, --root and --size'),
        (['--type', 'GTADataset', '--root', 'x'], 'Name a CONFIG'),
        (['absent.py'], r'There is no config absent\.py'),
        (['absent.py', '--root', 'x'], 'without a config'),
        (['absent.py', '--size', '32', '24'], 'without a config'),
        (['absent.py', '--interpolation', 'area'], 'without a config'),
    ],
)
def test_mistakes_are_reported_in_one_sentence(tool, flags, message):
    with pytest.raises(JointError, match=message) as error:
        tool.main(flags)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize(
    ('flags', 'message'),
    [
        (['--size', '0', '3'], '--size: 0 is not a whole number from 1'),
        (['--workers', '0'], '--workers: 0 is not a whole number from 1'),
        (['--type', 'GTADatset'], "--type: invalid choice: 'GTADatset' (choose from "),
    ],
)
def test_values_that_a_flag_does_not_accept(tool, capsys, flags, message):
    with pytest.raises(SystemExit):
        tool.main(flags)
    said = capsys.readouterr().err
    assert message in said
    assert '--type' not in flags or 'GTADataset' in said
