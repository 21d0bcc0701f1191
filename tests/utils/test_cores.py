"""How many cores a process may use, in a container too."""

from __future__ import annotations

import os

import pytest

from mmseg_joint.utils import cores


@pytest.mark.parametrize(
    ('files', 'wanted'),
    [
        ({}, 6),
        ({'cpu.max': 'max 100000\n'}, 6),
        ({'cpu.max': '250000 100000\n'}, 3),
        ({'cpu.max': '50000 100000\n'}, 1),
        ({'cpu.max': '6400000 100000\n'}, 6),  # more than there are
        ({'cpu/cpu.cfs_quota_us': '-1\n', 'cpu/cpu.cfs_period_us': '100000\n'}, 6),
        ({'cpu/cpu.cfs_quota_us': '200000\n', 'cpu/cpu.cfs_period_us': '100000\n'}, 2),
    ],
)
def test_a_containers_limits_count(monkeypatch, tmp_path, files, wanted):
    monkeypatch.setattr(os, 'cpu_count', lambda: 64)
    monkeypatch.setattr(os, 'sched_getaffinity', lambda _: range(6), raising=False)
    monkeypatch.setattr(cores, 'CGROUPS', tmp_path)
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert cores.available_cores() == wanted
