from __future__ import annotations

import ctypes

import pytest
import torch
from mmengine.runner import CheckpointLoader

import mmseg_joint
from mmseg_joint import runtime
from mmseg_joint.engine.launch import build_runner
from tests.tiny_configs import ROOT, tiny


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
    assert runtime.configure_malloc() == 'malloc keeps freed memory'
    assert calls == [(-4, 0), (-1, 2**31 - 1)]  # no mmap, no trimming


def test_the_users_variables_win(calls, monkeypatch):
    monkeypatch.setenv('MALLOC_MMAP_MAX_', '100')
    monkeypatch.setenv('MALLOC_TRIM_THRESHOLD_', '100')
    monkeypatch.setenv('THP_MEM_ALLOC_ENABLE', '0')
    said = runtime.configure_malloc()
    assert said.endswith(' but for MALLOC_MMAP_MAX_, MALLOC_TRIM_THRESHOLD_ as given')
    assert calls == []
    assert runtime.os.environ['THP_MEM_ALLOC_ENABLE'] == '0'


def test_another_c_library_is_left_alone(monkeypatch):
    monkeypatch.setattr(ctypes, 'CDLL', lambda name: object())
    assert runtime.configure_malloc() == 'malloc is left as it is'


def test_one_call_sets_up_all_and_says_so(calls, monkeypatch):
    monkeypatch.setattr(CheckpointLoader, '_schemes', dict(CheckpointLoader._schemes))
    CheckpointLoader.register_scheme('', lambda path, map_location=None: None, force=True)
    flags = []
    monkeypatch.setattr(torch, 'set_flush_denormal', lambda flag: flags.append(flag) or True)
    for _ in range(2):  # once more changes nothing
        said = mmseg_joint.setup()
        loaders = {loader.__name__ for loader in CheckpointLoader._schemes.values()}
        assert 'load_from_local_weights_only' in loaders
        assert all(name.endswith('_weights_only') for name in loaders)
        assert not any(name.count('_weights_only') > 1 for name in loaders)
    assert len(calls) == 4
    assert flags == [True, True]
    assert said == (
        'No code of a checkpoint is run; malloc keeps freed memory; denormal numbers count as 0.'
    )


def test_a_training_says_what_its_process_is_set_to(roots, tmp_path):
    cfg = tiny(ROOT / 'configs/joint_fcn8s_streets.py', roots, tmp_path / 'work')
    cfg.log_level = 'INFO'
    build_runner(cfg)
    (log,) = (tmp_path / 'work').glob('*/*.log')
    assert 'No code of a checkpoint is run; malloc ' in log.read_text(encoding='utf-8')
