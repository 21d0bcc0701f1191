from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from mmseg_joint.datasets.randomness import permutation, seed_words, seeded

FROZEN_WORDS = [2821893169, 1131119858, 1231025784, 3754391392]
FROZEN_ORDER = [3, 6, 4, 0, 7, 2, 5, 1, 8]
FROZEN_DRAWS = (0.839234683778, 0.309127789754, 196, 0.488798558712)


def draw():
    return random.random(), np.random.rand(), np.random.randint(1000), torch.rand(1).item()


def test_same_parts_same_numbers_and_every_part_matters():
    def numbers(*parts):
        with seeded(*parts):
            return draw()

    first = numbers(1, 'source', 5)
    assert first == numbers(1, 'source', 5)
    others = [numbers(2, 'source', 5), numbers(1, 'target', 5), numbers(1, 'source', 6)]
    for other in others:
        assert all(a != b for a, b in zip(first, other))


@pytest.mark.parametrize('fails', [False, True])
def test_the_callers_generators_are_left_alone(fails):
    random.seed(0), np.random.seed(0), torch.manual_seed(0)
    wanted = [draw() for _ in range(2)]
    random.seed(0), np.random.seed(0), torch.manual_seed(0)
    got = [draw()]
    try:
        with seeded(3, 'source', 0):
            draw()
            if fails:
                raise KeyError
    except KeyError:
        pass
    assert [*got, draw()] == wanted


def test_numbers_are_frozen():
    """No new release, process or hash seed may change what a seed means to a resumed run."""
    assert seed_words(0, 'source', 3) == FROZEN_WORDS
    assert permutation(9, 1, 'a').tolist() == FROZEN_ORDER
    with seeded(0, 'source', 3):
        assert draw() == pytest.approx(FROZEN_DRAWS)
    assert seed_words(-1) == seed_words(2**64 - 1)


def test_permutation_is_one():
    assert sorted(permutation(50, 3, 'x')) == list(range(50))
    assert permutation(50, 3, 'x').tolist() != permutation(50, 4, 'x').tolist()
