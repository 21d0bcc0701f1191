from __future__ import annotations

import torch
from torch import nn

from mmseg_joint.checkpoints.write import average_buffers
from tests.ranks import on_ranks


def statistics(rank: int, times: int) -> dict:
    """A rank's batch norm after it has seen images of its own, and averaged."""
    norm = nn.BatchNorm2d(3)
    torch.manual_seed(rank)
    norm(torch.randn(2, 3, 4, 4))
    norm.register_buffer('images', torch.full((2,), 100 * rank, dtype=torch.uint8))  # a pool's
    own = {name: value.clone() for name, value in norm.state_dict().items()}
    for _ in range(times):
        average_buffers(norm)
    return {'own': own, 'mean': norm.state_dict()}


def test_all_have_the_mean_once_and_twice(tmp_path):
    parts = on_ranks(lambda rank: statistics(rank, times=1), tmp_path, count=3)
    (tmp_path / 'again').mkdir()
    again = on_ranks(lambda rank: statistics(rank, times=2), tmp_path / 'again', count=3)
    for name in ('running_mean', 'running_var'):
        own = torch.stack([part['own'][name] for part in parts])
        assert not torch.equal(own[0], own[1])
        torch.testing.assert_close(parts[0]['mean'][name], own.mean(dim=0))
        assert all(torch.equal(part['mean'][name], parts[0]['mean'][name]) for part in parts)
        assert torch.equal(again[0]['mean'][name], parts[0]['mean'][name])
    assert all(part['mean']['num_batches_tracked'] == 1 for part in parts)
    assert [part['mean']['images'].tolist() for part in parts] == [[0, 0], [100, 100], [200, 200]]


def test_alone_nothing_changes():
    found = statistics(0, times=1)
    assert all(torch.equal(found['mean'][name], value) for name, value in found['own'].items())
