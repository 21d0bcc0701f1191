from __future__ import annotations

import ctypes

import pytest

from mmseg_joint.engine import cpu_memory


@pytest.fixture
def calls(monkeypatch):
    found = []

    class Library:
        @staticmethod
        def mallopt(option, value):
            found.append((option, value))

    monkeypatch.setattr(ctypes, 'CDLL', lambda name: Library)
    for name in ('MALLOC_MMAP_MAX_', 'MALLOC_TRIM_THRESHOLD_', 'THP_MEM_ALLOC_ENABLE'):
        monkeypatch.delenv(name, raising=False)
    return found


def test_freed_memory_is_kept(calls):
    cpu_memory.reuse_memory()
    assert calls == [(-4, 0), (-1, 2**31 - 1)]  # no mmap, no trimming


def test_the_users_variables_win(calls, monkeypatch):
    monkeypatch.setenv('MALLOC_MMAP_MAX_', '100')
    monkeypatch.setenv('MALLOC_TRIM_THRESHOLD_', '100')
    monkeypatch.setenv('THP_MEM_ALLOC_ENABLE', '0')
    cpu_memory.reuse_memory()
    assert calls == []
    assert cpu_memory.os.environ['THP_MEM_ALLOC_ENABLE'] == '0'


def test_another_c_library_is_left_alone(monkeypatch):
    monkeypatch.setattr(ctypes, 'CDLL', lambda name: object())
    cpu_memory.reuse_memory()
