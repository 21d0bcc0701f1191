from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from mmseg_joint.models.segmentors.pixel_weights import PixelWeights, weighted


@pytest.mark.parametrize('chosen', [None, torch.rand(2, 3, 4)])
def test_weights_multiply_those_of_the_heads_own_sampler_for_one_call(chosen):
    inner = None if chosen is None else SimpleNamespace(sample=lambda logits, labels: chosen)
    sampler, weights = PixelWeights(inner), torch.rand(2, 3, 4)
    head = SimpleNamespace(sampler=sampler)
    expected = weights if chosen is None else chosen * weights
    with pytest.raises(RuntimeError), weighted([head], weights):
        torch.testing.assert_close(sampler.sample(None, None), expected)
        raise RuntimeError
    assert sampler.sample(None, None) is chosen
    with weighted([head], None):
        assert sampler.sample(None, None) is chosen
