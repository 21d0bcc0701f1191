from __future__ import annotations

import pytest
from filelock import FileLock

from mmseg_joint.engine.work_dir import LOCK, locked
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
