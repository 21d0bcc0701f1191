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


def test_one_call_sets_up_everything_and_says_so(calls, monkeypatch):
    monkeypatch.setattr(CheckpointLoader, '_schemes', dict(CheckpointLoader._schemes))
    CheckpointLoader.register_scheme('', lambda path, map_location=None: None, force=True)
    flags = []
    monkeypatch.setattr(torch, 'set_flush_denormal', lambda flag: flags.append(flag) or True)
    for _ in range(2):  # a second call changes nothing
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


def test_a_training_logs_the_settings_of_its_process(roots, tmp_path):
    cfg = tiny(ROOT / 'configs/joint_fcn8s_streets.py', roots, tmp_path / 'work')
    cfg.log_level = 'INFO'
    build_runner(cfg)
    (log,) = (tmp_path / 'work').glob('*/*.log')
    assert 'No code of a checkpoint is run; malloc ' in log.read_text(encoding='utf-8')


@pytest.mark.parametrize(('idle', 'wanted'), [(3.9, 4), (2.2, 2), (0.1, 1), (None, 4)])
def test_torch_uses_as_many_threads_as_there_are_idle_cores(idle, wanted, monkeypatch):
    monkeypatch.delenv('OMP_NUM_THREADS', raising=False)
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    monkeypatch.setattr(runtime, 'idle_cores', lambda: idle)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(4)
        said = runtime.choose_threads()
        assert torch.get_num_threads() == wanted
        assert (f'torch takes {wanted} instead of 4 threads' in said) == (wanted < 4)
        monkeypatch.setenv('OMP_NUM_THREADS', '4')
        torch.set_num_threads(4)
        assert runtime.choose_threads() == '' and torch.get_num_threads() == 4
    finally:
        torch.set_num_threads(before)


def test_idle_cores_are_counted_from_ticks(monkeypatch):
    lines = 'cpu  9 9 9 9 9 9 9 9\ncpu0 10 0 0 {} 0 0 0 0 0 0\ncpu1 0 0 {} 0 5 0 0 0 0 0\n'
    texts = iter([lines.format(0, 0), lines.format(30, 10)])
    monkeypatch.setattr(runtime.os, 'sched_getaffinity', lambda pid: {0, 1}, raising=False)
    monkeypatch.setattr(runtime.Path, 'read_text', lambda path: next(texts))
    monkeypatch.setattr(runtime.time, 'sleep', lambda seconds: None)
    assert runtime.idle_cores() == pytest.approx(1.0)  # all of the first core, none of the second
