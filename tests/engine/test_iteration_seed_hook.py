from __future__ import annotations

import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MessageHub

from mmseg_joint.datasets import JointDataset, JointSampler
from mmseg_joint.engine import IterationSeedHook, iteration_seed_hook
from tests.datasets.test_mixed_dataset import Numbers


def drawn(monkeypatch, seed, rank, iteration):
    """What a training step draws."""
    monkeypatch.setattr(iteration_seed_hook, 'get_rank', lambda: rank)
    IterationSeedHook().before_train_iter(SimpleNamespace(seed=seed, iter=iteration))
    return random.random(), np.random.rand(), torch.rand(()).item()


def test_a_steps_draws_depend_on_seed_rank_and_iteration_alone(monkeypatch):
    first = drawn(monkeypatch, 3, 1, 7)
    others = [drawn(monkeypatch, *place) for place in ((4, 1, 7), (3, 0, 7), (3, 1, 8))]
    assert all(a != b for other in others for a, b in zip(first, other))
    assert drawn(monkeypatch, 3, 1, 7) == first
    assert drawn(monkeypatch, None, 1, 7) == drawn(monkeypatch, 0, 1, 7)


@pytest.fixture
def runner():
    """What the hook needs from a runner that resumes another's training."""
    dataset = JointDataset({'source': Numbers('source', 9)})
    sampler = JointSampler(dataset, {'source': 1}, seed=1)
    sampler.draw(0)  # from an order that it may forget
    return SimpleNamespace(
        seed=5,
        iter=3,
        cfg=Config(dict(train_dataloader=dict(sampler=dict(type='JointSampler')))),
        train_dataloader=SimpleNamespace(sampler=sampler),
        message_hub=MessageHub('seeds'),
    )


@pytest.mark.parametrize(
    ('section', 'values', 'seed'),
    [
        ('randomness', dict(seed=None), 5),
        ('randomness', dict(diff_rank_seed=True), 1),
        ('train_dataloader', dict(sampler=dict(seed=1)), 1),
    ],
)
def test_the_sampler_takes_the_runs_seed_unless_it_has_its_own(runner, section, values, seed):
    runner.cfg.merge_from_dict({section: values})
    IterationSeedHook().before_train(runner)
    sampler = runner.train_dataloader.sampler
    other = JointSampler(sampler.dataset, {'source': 1}, seed=seed)
    assert [sampler.draw(n) for n in range(9)] == [other.draw(n) for n in range(9)]


@pytest.mark.parametrize(
    ('iteration', 'variable', 'threads'), [(3, None, 2), (0, None, 1), (3, '1', 1)]
)
def test_a_resumed_run_has_as_many_threads_as_before(
    runner, iteration, variable, threads, monkeypatch
):
    now = [1]
    monkeypatch.setattr(torch, 'set_num_threads', lambda number: now.append(number))
    monkeypatch.setattr(torch, 'get_num_threads', lambda: now[-1])
    monkeypatch.delenv('OMP_NUM_THREADS', raising=False)
    if variable:
        monkeypatch.setenv('OMP_NUM_THREADS', variable)
    runner.iter = iteration
    runner.message_hub.update_info('torch_threads', 2)
    IterationSeedHook().before_train(runner)
    assert now[-1] == runner.message_hub.get_info('torch_threads') == threads
