from __future__ import annotations

import mmap
import re
import resource
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.logging import MessageHub

from mmseg_joint.engine import PeakMemoryHook
from mmseg_joint.utils import memory
from mmseg_joint.utils.memory import peak_bytes

CPU = torch.device('cpu')


@pytest.mark.skipif(not memory.STATUS.exists(), reason='only Linux reports it')
def test_the_peak_stays_when_memory_is_freed():
    size = 2**26
    held = mmap.mmap(-1, size)  # the system gets it back at once, unlike a tensor's memory
    held[::4096] = bytes(size // 4096)
    (now,) = re.findall(r'VmRSS:\s+(\d+) kB', memory.STATUS.read_text())
    peak = peak_bytes(CPU)
    assert peak + size / 2 > 1024 * int(now) >= size
    held.close()
    assert peak_bytes(CPU) > peak - size / 2  # Linux counts a few pages late


def test_other_systems(monkeypatch):
    monkeypatch.setattr(memory, 'STATUS', Path('nowhere'))
    usage = SimpleNamespace(ru_maxrss=3000)
    monkeypatch.setattr(resource, 'getrusage', lambda who: usage)
    monkeypatch.setattr(sys, 'platform', 'darwin')
    assert peak_bytes(CPU) == 3000
    monkeypatch.setattr(sys, 'platform', 'freebsd')
    assert peak_bytes(CPU) == 3000 * 1024


def test_it_is_logged_under_mmengines_name(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    runner = SimpleNamespace(message_hub=MessageHub.get_instance('peak'))
    PeakMemoryHook().after_train_iter(runner, 0)
    logged = runner.message_hub.get_scalar('train/memory').current()
    assert logged == pytest.approx(peak_bytes(CPU) / 2**20, rel=0.1)
