from __future__ import annotations

import os
import signal
from multiprocessing import get_context

import pytest
from mmengine.fileio import get_file_backend

from mmseg_joint.checkpoints.write import AtomicBackend

OLD, NEW = b'old' * 1000, b'new' * 100_000


@pytest.fixture
def file(tmp_path):
    """A file that already exists."""
    path = tmp_path / 'iter_1.pth'
    path.write_bytes(OLD)
    return path


def test_a_file_is_written_into_a_new_folder_and_replaced(tmp_path):
    path = tmp_path / 'a/b/iter_1.pth'
    backend = get_file_backend(path, backend_args={'backend': 'atomic'})
    for content in (OLD, NEW):
        backend.put(content, str(path))
        assert path.read_bytes() == content
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize('moment', ['fsync', 'replace'])
def test_a_kill_leaves_the_old_file(file, moment):
    def write():
        setattr(os, moment, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        AtomicBackend().put(NEW, file)

    child = get_context('fork').Process(target=write)
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    assert file.read_bytes() == OLD
    AtomicBackend().put(NEW, file)  # over what the killed process left
    assert [p.read_bytes() for p in file.parent.iterdir()] == [NEW]


def test_removals_wait_for_the_end_of_the_block(file, tmp_path):
    backend = AtomicBackend()
    other = tmp_path / 'iter_2.pth'
    other.write_bytes(OLD)
    with pytest.raises(OSError, match='full'), backend.hold_back_removals():
        backend.remove(file)
        raise OSError('full')
    assert file.exists()
    with backend.hold_back_removals():
        with backend.hold_back_removals():
            backend.remove(other)
        backend.remove(file)
        assert file.exists()
        assert other.exists()
    assert not list(tmp_path.iterdir())


def test_a_rewritten_file_is_not_removed(file):
    backend = AtomicBackend()
    os.utime(file, (1, 1))
    with backend.hold_back_removals():
        backend.remove(file)
        backend.put(NEW, file)
    assert file.read_bytes() == NEW
    backend.remove(file)
    assert not file.exists()
