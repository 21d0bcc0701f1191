from __future__ import annotations

import torch

from mmseg_joint.models.losses.global_mean import global_mean, mean_of_all_ranks
from tests.ranks import on_ranks

VALUES = [[2.0, 3.0, 7.0], [5.0], []]  # of three ranks


def part(values) -> tuple:
    """A rank's value, and its gradients by its own values."""
    numbers = torch.tensor(values, dtype=torch.float64, requires_grad=True)
    count = torch.tensor(len(values))
    mean = global_mean(numbers.square().sum(), count)
    mean.backward()
    assert count == len(values)  # left as it was
    return mean.detach(), numbers.grad


def test_alone_it_is_the_mean():
    mean, gradient = part(VALUES[0])
    assert mean == (4 + 9 + 49) / 3
    torch.testing.assert_close(gradient, 2 / 3 * torch.tensor(VALUES[0]).double())
    assert part([5.0])[0] == 25
    assert part([])[0] == 0


def test_what_the_wrapper_averages_is_the_mean_of_all(tmp_path):
    parts = on_ranks(lambda rank: part(VALUES[rank]), tmp_path, count=3)
    numbers = torch.tensor([2, 3, 7, 5], dtype=torch.float64)
    torch.testing.assert_close(sum(mean for mean, _ in parts) / 3, numbers.square().mean())
    # each value's share in the mean over ranks is one of four, whatever rank it is on
    gradients = torch.cat([gradient for _, gradient in parts]) / 3
    torch.testing.assert_close(gradients, 2 * numbers / 4)


def test_nothing_on_any_rank_gives_zero(tmp_path):
    parts = on_ranks(lambda rank: part([]), tmp_path)
    assert [mean.item() for mean, _ in parts] == [0, 0]


def test_the_mean_of_all_is_the_same_everywhere(tmp_path):
    def work(rank):
        values = torch.tensor(VALUES[rank], requires_grad=True)
        return mean_of_all_ranks(values.sum(), torch.tensor(len(values)))

    for mean in on_ranks(work, tmp_path, count=3):
        torch.testing.assert_close(mean, torch.tensor((2.0 + 3 + 7 + 5) / 4))
        assert not mean.requires_grad
    assert mean_of_all_ranks(torch.tensor(0.0), torch.tensor(0)) == 0
