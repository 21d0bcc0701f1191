from __future__ import annotations

from itertools import islice

import pytest
from mmseg.registry import DATA_SAMPLERS

from mmseg_joint.datasets import JointDataset, JointSampler, SampleRequest, joint_sampler
from mmseg_joint.datasets.randomness import permutation
from mmseg_joint.errors import JointError
from tests.datasets.test_mixed_dataset import Numbers


@pytest.fixture
def dataset():
    sizes = {'source': 5, 'target': 3, 'empty': 0}
    return JointDataset({name: Numbers(name, size) for name, size in sizes.items()})


@pytest.fixture
def on_rank(monkeypatch):
    def pretend(rank, world_size):
        monkeypatch.setattr(joint_sampler, 'get_dist_info', lambda: (rank, world_size))

    return pretend


def take(sampler, count):
    return list(islice(sampler, count))


def test_exact_order_unshuffled(dataset):
    sampler = JointSampler(dataset, {'target': 1, 'source': 2}, seed=7, shuffle=False)
    assert sampler.batch_size == 3
    wanted = [
        ('target', 0, 0, 0), ('source', 0, 0, 0), ('source', 1, 1, 0),
        ('target', 1, 1, 1), ('source', 2, 2, 1), ('source', 3, 3, 1),
        ('target', 2, 2, 2), ('source', 4, 4, 2), ('source', 0, 5, 2),
    ]  # fmt: skip
    assert take(sampler, 9) == [SampleRequest(*draw, 3, 7) for draw in wanted]


def test_shuffled_stream_is_one_permutation_after_another(dataset):
    draws = take(JointSampler(dataset, {'source': 2, 'target': 1}, seed=3), 30)
    source = [d.index for d in draws if d.domain == 'source']
    wanted = [i for e in range(4) for i in permutation(5, 3, 'order', 'source', e).tolist()]
    assert source == wanted
    assert all(sorted(source[k : k + 5]) == [0, 1, 2, 3, 4] for k in range(0, 20, 5))
    assert len({tuple(source[k : k + 5]) for k in range(0, 20, 5)}) > 1
    assert source != [d.index for d in take(JointSampler(dataset, {'source': 1}, seed=4), 20)]


def test_a_domain_does_not_depend_on_the_others(dataset):
    together = take(JointSampler(dataset, {'source': 3, 'target': 2}, seed=1), 50)
    alone = take(JointSampler(dataset, {'target': 1}, seed=1), 20)
    stream = [(d.index, d.position) for d in together if d.domain == 'target']
    assert stream == [(d.index, d.position) for d in alone]


def test_share_zero_and_batch_of_one(dataset):
    draws = take(JointSampler(dataset, {'source': 0, 'empty': 0, 'target': 1}, seed=1), 7)
    assert [d.batch for d in draws] == list(range(7))
    assert {d.domain for d in draws} == {'target'}


@pytest.mark.parametrize('world_size', [2, 3])
def test_ranks_share_one_processes_batches(dataset, on_rank, world_size):
    on_rank(0, 1)
    shares = {'source': 2 * world_size, 'target': world_size}
    whole = take(JointSampler(dataset, shares, seed=5), 12 * world_size)
    parts = []
    for rank in range(world_size):
        on_rank(rank, world_size)
        parts.append(take(JointSampler(dataset, {'source': 2, 'target': 1}, seed=5), 12))
    keys = [{(d.domain, d.position) for d in part} for part in parts]
    assert sum(len(k) for k in keys) == len(set().union(*keys))
    together = [d._replace(batch_size=3 * world_size) for part in parts for d in part]
    assert sorted(together) == sorted(whole)


@pytest.mark.parametrize('consumed', [0, 1, 3, 7, 16])
def test_skip_equals_replay(dataset, on_rank, consumed):
    on_rank(1, 2)
    shares = {'source': 2, 'target': 1}
    replayed = take(JointSampler(dataset, shares, seed=5), consumed + 20)[consumed:]
    sampler = JointSampler(dataset, shares, seed=5)
    sampler.skip(999)
    sampler.skip(consumed)  # absolute: the last call counts
    assert take(sampler, 20) == replayed


def test_skip_is_cheap(dataset):
    sampler = JointSampler(dataset, {'source': 1}, seed=5)
    sampler.skip(10**12)
    (draw,) = take(sampler, 1)
    assert draw.position == draw.batch == 10**12
    assert draw.index == permutation(5, 5, 'order', 'source', 10**12 // 5)[0]
    with pytest.raises(ValueError, match='-1'):
        sampler.skip(-1)


def test_another_seed_before_iterating(dataset):
    wanted = take(JointSampler(dataset, {'source': 1}, seed=4), 10)
    sampler = JointSampler(dataset, {'source': 1}, seed=3)
    sampler.draw(0)
    sampler.reseed(4)
    assert take(sampler, 10) == wanted


def test_is_built_as_mmengine_does(dataset):
    sampler = DATA_SAMPLERS.build(
        {'type': 'JointSampler', 'samples_per_domain': {'source': 1}},
        default_args={'dataset': dataset, 'seed': 0},
    )
    assert next(iter(sampler)).seed == 0
    assert len(sampler) == 8
    assert isinstance(JointSampler(dataset, {'source': 1}).seed, int)


@pytest.mark.parametrize(
    'shares, message',
    [
        ({'source': -1}, r"samples_per_domain\['source'\] is -1: give a whole number from 0"),
        ({'source': 0.5}, r'is 0\.5: give'),
        ({'source': True}, r'is True: give'),
        ({'source': 0}, r'sampler\.samples_per_domain are all 0'),
        ({}, r'sampler\.samples_per_domain are all 0'),
        ({'tagret': 1}, r"the domain 'tagret'.*\['source', 'target', 'empty'\]"),
        ({'source': 1, 'empty': 1}, r"domain 'empty' has no samples"),
    ],
)
def test_refuses_bad_shares(dataset, shares, message):
    with pytest.raises(JointError, match=message):
        JointSampler(dataset, shares)


def test_refuses_other_datasets():
    with pytest.raises(JointError, match='to be a JointDataset, not Numbers'):
        JointSampler(Numbers('a', 3), {'source': 1})
