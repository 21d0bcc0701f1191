from __future__ import annotations

import pytest
from filelock import FileLock

from mmseg_joint.engine.work_dir import LOCK, RANKS, locked
from mmseg_joint.errors import JointError


def test_one_run_after_another(tmp_path):
    folder = tmp_path / 'work'
    refused = pytest.raises(JointError, match=r'Another run writes to .*work right now')
    with locked(folder), refused, locked(folder):
        pass
    with locked(folder):
        pass
    assert not list(folder.iterdir())


def test_a_run_that_begins_just_when_another_ends_is_alone_too(tmp_path, monkeypatch):
    second, release = FileLock(tmp_path / LOCK, timeout=0), FileLock.release

    def then_begin(lock, *args, **kwargs):
        release(lock, *args, **kwargs)
        second.acquire()

    with monkeypatch.context() as patched:
        patched.setattr(FileLock, 'release', then_begin)
        with locked(tmp_path):
            pass
    with pytest.raises(JointError, match='Another run writes'), locked(tmp_path):
        pass
    second.release()


@pytest.mark.parametrize('variable', RANKS)
def test_the_first_rank_alone_takes_the_lock(tmp_path, variable, monkeypatch):
    with locked(tmp_path):
        monkeypatch.setenv(variable, '1')
        with locked(tmp_path):
            pass
        monkeypatch.setenv(variable, '0')
        with pytest.raises(JointError, match='Another run writes'), locked(tmp_path):
            pass


@pytest.mark.parametrize('error', [NotImplementedError, OSError])
def test_a_file_system_without_locks_stops_no_run(tmp_path, monkeypatch, error):
    def fail(lock):
        raise error

    monkeypatch.setattr(FileLock, 'acquire', fail)
    with locked(tmp_path):
        (tmp_path / 'written').touch()
    assert (tmp_path / 'written').exists()
