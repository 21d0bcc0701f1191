from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from mmseg_joint.engine.joined_groups import join_groups_in_steps

OPTIONS = {
    'AdamW': {'betas': [0.8, 0.9]},
    'SGD': {'momentum': 0.9, 'weight_decay': 0.01},
}


class Calls(TorchDispatchMode):
    """Counts the operations that take lists of tensors."""

    def __init__(self):
        super().__init__()
        self.number = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.number += '_foreach_' in str(func)
        return func(*args, **(kwargs or {}))


def pair(kind, **options):
    """Make two optimizers of equal parameters, one group for each; the second joins them."""
    generator = torch.Generator().manual_seed(0)
    values = [torch.randn(size, generator=generator) for size in (3, 1, 4, 2, 5, 2)]
    optimizers = []
    for _ in range(2):
        groups = [{'params': [nn.Parameter(value.clone())]} for value in values]
        for number in (1, 4):
            groups[number]['lr'] = 0.1
        groups[5]['weight_decay'] = 0.0
        made = getattr(torch.optim, kind)(groups, lr=0.01, foreach=True, **OPTIONS[kind], **options)
        optimizers.append(made)
    join_groups_in_steps(optimizers[1])
    return optimizers


def step(optimizer, seed):
    generator = torch.Generator().manual_seed(seed)
    for group in optimizer.param_groups:
        for parameter in group['params']:
            parameter.grad = torch.randn(parameter.shape, generator=generator)
    with Calls() as calls:
        optimizer.step()
    return calls.number


def values(optimizer):
    return [p.detach().clone() for group in optimizer.param_groups for p in group['params']]


@pytest.mark.parametrize('kind', OPTIONS)
def test_updates_are_the_same_in_half_of_the_calls(kind):
    plain, joined = pair(kind)
    for seed in range(3):
        assert step(joined, seed) <= step(plain, seed) / 2  # three kinds in six groups
        assert all(map(torch.equal, values(joined), values(plain)))


def test_a_schedule_and_a_checkpoint_see_the_groups_apart():
    plain, joined = pair('AdamW')
    groups = list(joined.param_groups)
    step(joined, 0), step(plain, 0)
    assert all(a is b for a, b in zip(joined.param_groups, groups))
    assert len(joined.param_groups) == 6
    for one in (plain, joined):
        one.param_groups[2]['lr'] = 0.05  # a fourth kind
        one.load_state_dict(copy.deepcopy(plain.state_dict()))
        one.param_groups[0]['lr'] = 0.02
    step(joined, 1), step(plain, 1)
    assert all(map(torch.equal, values(joined), values(plain)))
    assert [g['lr'] for g in joined.param_groups] == [0.02, 0.1, 0.05, 0.01, 0.1, 0.01]
    ours, theirs = joined.state_dict(), plain.state_dict()
    assert ours['param_groups'] == theirs['param_groups']
    assert ours['state'].keys() == theirs['state'].keys()


def test_a_gradient_that_comes_later_than_others():
    plain, joined = pair('SGD')
    for optimizer in (plain, joined):
        for group in optimizer.param_groups:
            group.update(foreach=None, fused=True)
        for seed in range(3):
            generator = torch.Generator().manual_seed(seed)
            for number, parameter in enumerate(g['params'][0] for g in optimizer.param_groups):
                grad = torch.randn(parameter.shape, generator=generator)
                parameter.grad = grad if seed or number % 2 else None
            optimizer.step()
    assert all(map(torch.equal, values(joined), values(plain)))


def test_rates_in_tensors_are_told_apart_to_the_last_bit():
    plain, joined = pair('SGD')
    for optimizer in (plain, joined):
        for number, group in enumerate(optimizer.param_groups):
            group['lr'] = torch.tensor(1 + number * 1e-6)  # all print as 1.0000
        step(optimizer, 0)
    assert all(map(torch.equal, values(joined), values(plain)))


def test_an_error_in_a_step_does_not_affect_the_next():
    def fail():
        raise ValueError

    optimizers = pair('SGD')
    parameters = [[g['params'][0] for g in one.param_groups] for one in optimizers]
    optimizers[1].param_groups[0]['note'] = {'not': 'hashable'}
    with pytest.raises(ValueError):
        optimizers[1].step(fail)
    for one, own in zip(optimizers, parameters):
        for parameter in own:
            parameter.grad = torch.ones_like(parameter)
        one.step()
    assert len(optimizers[1].param_groups) == 6
    assert all(map(torch.equal, *parameters))


def test_an_optimizer_that_keeps_numbers_in_its_groups_is_left_alone():
    class Counting(torch.optim.SGD):
        def step(self, closure=None):
            for group in self.param_groups:
                group['count'] = group.get('count', 0) + 1

    optimizer = Counting([{'params': [nn.Parameter(torch.ones(1))]} for _ in range(2)], lr=0.1)
    join_groups_in_steps(optimizer)
    optimizer.step()
    optimizer.step()
    assert [group['count'] for group in optimizer.param_groups] == [2, 2]
