"""Randomness as a function of names and numbers, the same on every machine and in every worker."""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


def seed_words(*parts: int | str) -> list[int]:
    """Mix numbers and names into four seeds below 2^32; the order matters."""
    # names by CRC-32, because Python's own hash of a string differs between processes
    entropy = [zlib.crc32(p.encode()) if isinstance(p, str) else int(p) % 2**64 for p in parts]
    return np.random.SeedSequence(entropy).generate_state(4).tolist()


def permutation(size: int, *parts: int | str) -> np.ndarray:
    """Return a shuffled ``0 .. size - 1``, ``int64``, that depends only on ``parts``."""
    # RandomState's stream is frozen for good; a Generator's may change with a numpy release.
    return np.random.RandomState(np.array(seed_words(*parts), dtype=np.uint32)).permutation(size)


@contextmanager
def seeded(seed: int, domain: str, position: int) -> Iterator[None]:
    """Seed every generator that a data pipeline draws from, and restore them all afterwards.

    Without workers the pipeline runs in the training process, where its draws must not affect the
    model's dropout. Python's ``random``, numpy's global generator and PyTorch's CPU generator are
    covered; CUDA's is not touched at all.

    Args:
        seed: The run's seed.
        domain: Name of the sample's domain.
        position: The sample's position in the domain's infinite stream.
    """
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    words = seed_words(seed, domain, position)
    random.seed(words[0] << 32 | words[1])
    np.random.seed(words)
    # `torch.manual_seed` would seed the GPUs as well, and nothing would restore those.
    torch.default_generator.manual_seed(words[2] << 31 | words[3])
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])
