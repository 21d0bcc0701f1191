from __future__ import annotations

import os
import urllib.error

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader

from mmseg_joint.checkpoints import read
from mmseg_joint.checkpoints.read import (
    BrokenFileError,
    enforce_weights_only,
    read_checkpoint,
    read_content,
    register_safe_globals,
)
from mmseg_joint.errors import JointError


class Explosive:
    def __reduce__(self):
        return exec, ('raise SystemExit("code of the file ran")',)


class Sneaky:
    def __reduce__(self):
        return getattr, (HistoryBuffer, '__init__')


class Borrower:
    def __reduce__(self):
        return getattr, (np.ndarray, 'mean')


@pytest.mark.parametrize('load', [Explosive, Sneaky, Borrower])
def test_code_in_a_file_never_runs(tmp_path, load):
    path = tmp_path / 'bad.pth'
    torch.save({'conv.weight': load()}, path)
    with pytest.raises(JointError, match=r'cannot be loaded .*no code of a file is run'):
        read_checkpoint(str(path))
    with pytest.raises(JointError, match=r'cannot be loaded .*no code of a file is run'):
        CheckpointLoader.load_checkpoint(str(path))


@pytest.mark.parametrize('switch', [None, '0'])
def test_code_in_a_remote_file_never_runs_either(tmp_path, monkeypatch, switch):
    """Whatever mmengine fetches it with, and then asks of torch."""
    if switch is not None:
        monkeypatch.setenv(read.SWITCH, switch)
    torch.save({'conv.weight': Explosive()}, tmp_path / 'bad.pth')
    torch.save({'conv.weight': torch.ones(1)}, tmp_path / 'good.pth')
    schemes = dict(CheckpointLoader._schemes)
    monkeypatch.setattr(CheckpointLoader, '_schemes', schemes)

    @CheckpointLoader.register_scheme('shelf://')
    def load_from_shelf(path, map_location=None):
        return torch.load(tmp_path / path.removeprefix('shelf://'), weights_only=False)

    enforce_weights_only()
    enforce_weights_only()  # once more changes nothing
    before = dict(os.environ)
    unsafe = (
        r'^The checkpoint shelf://bad\.pth cannot be loaded \(it holds more than tensors, and no '
    )
    with pytest.raises(JointError, match=unsafe + r'code of a file is run\): give another file\.$'):
        CheckpointLoader.load_checkpoint('shelf://bad.pth')
    with pytest.raises(JointError, match=r'shelf://bad\.pth cannot be loaded'):
        read_checkpoint('shelf://bad.pth')
    assert read_checkpoint('shelf://good.pth')['conv.weight'] == 1
    assert dict(os.environ) == before


@pytest.mark.parametrize('zipped', [True, False])  # False: as torch wrote files before 1.6
def test_mmengine_reads_a_file_in_the_home_folder(tmp_path, monkeypatch, zipped):
    monkeypatch.setenv('HOME', str(tmp_path))
    content = {'a': torch.ones(2)}
    torch.save(content, tmp_path / 'a.pth', _use_new_zipfile_serialization=zipped)
    assert CheckpointLoader.load_checkpoint('~/a.pth', map_location='cpu')['a'].sum() == 2
    with pytest.raises(JointError, match=r'b\.pth does not exist'):
        CheckpointLoader.load_checkpoint(str(tmp_path / 'b.pth'))


@pytest.mark.parametrize(
    ('main', 'wanted'), [(True, ['download', 'barrier']), (False, ['barrier', 'download'])]
)
def test_the_main_process_downloads_first(monkeypatch, main, wanted):
    done = []

    def download(url, weights_only, **_):
        done.append('download')
        raise urllib.error.URLError('no route' if weights_only else 'unsafe')

    monkeypatch.setattr(torch.hub, 'load_state_dict_from_url', download)
    monkeypatch.setattr(read, 'is_main_process', lambda: main)
    monkeypatch.setattr(read, 'barrier', lambda: done.append('barrier'))
    with pytest.raises(BrokenFileError, match='no route'):
        read_content('https://example.org/a.pth')
    assert done == wanted  # the others do not wait for a download that failed


def test_torch_reads_a_training_checkpoint_without_running_code(tmp_path):
    """As mmengine's resume does: with nothing but torch's own safe loading."""
    path = tmp_path / 'iter_1.pth'
    history = HistoryBuffer([1.0, 2.0], [1, 1])
    torch.save({'message_hub': {'log_scalars': {'loss': history}}}, path)
    with torch.serialization.safe_globals([HistoryBuffer]):
        pass  # removes the safe globals on leaving
    register_safe_globals()
    loaded = torch.load(path, weights_only=True)
    assert loaded['message_hub']['log_scalars']['loss'].mean() == 1.5


def test_tensors_are_taken_out_of_what_they_are_wrapped_in(tmp_path):
    path, tensors = str(tmp_path / 'a.pth'), {'a': torch.ones(1)}
    for content in (tensors, {'state_dict': {**tensors, 'version': 3}, 'meta': {}}):
        torch.save(content, path)
        assert read_checkpoint(path) == tensors
    torch.save([torch.ones(1)], path)
    with pytest.raises(JointError, match=r'a\.pth holds no named parameters: give another file'):
        read_checkpoint(path)


def spoil(path):
    """Overwrite some bytes in the middle of a tensor."""
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 32] = bytes(32)
    path.write_bytes(content)


def test_a_file_corrupted_in_its_middle_is_refused(tmp_path):
    path = tmp_path / 'a.pth'
    torch.save({'a': torch.arange(1.0, 1000.0)}, path)
    spoil(path)
    assert torch.load(path, weights_only=True)['a'].shape == (999,)  # torch does not notice
    with pytest.raises(BrokenFileError, match=r'a\.pth .*\(its checksums are wrong\)'):
        read_checkpoint(str(path))


def test_what_is_kept_is_given_once_and_only_of_the_same_file(tmp_path, monkeypatch):
    files = []
    load = torch.load

    def spy(file, **kwargs):
        files.append(file.name)
        return load(file, **kwargs)

    monkeypatch.setattr(torch, 'load', spy)
    one, other = str(tmp_path / '1.pth'), str(tmp_path / '2.pth')
    for path in (one, other):
        torch.save({'a': torch.ones(1)}, path)
    for _ in range(2):  # chosen, and checked
        kept = read_content(one, keep=True)
    assert read_content(one) is kept
    assert files == [one]
    assert read_content(one) is not kept
    assert files == [one, one]
    read_content(one, keep=True)
    read_content(other, keep=True)
    torch.save({'a': torch.zeros(1)}, other)  # another file of this name and size
    os.utime(other, (1, 1))
    assert read_content(other)['a'] == 0
    read_content(one)
    assert files == [one, one, one, other, other, one]
