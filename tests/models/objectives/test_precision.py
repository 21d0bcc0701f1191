"""Outputs in half precision are rounded, but nothing computed from them is."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.objective_cases import CASES

FEATURES = ('fcsa', 'feature_distance')  # which read the backbone's; others read scores
SCORES = (
    *('hrs_weighting', 'focal', 'confidence_mask', 'ga', 'adaptsegnet_two_levels', 'hung'),
    *('max_square', 'max_square_image_wise_guided', 'entropy', 'conservative'),
)


@pytest.mark.parametrize('name', [*FEATURES, *SCORES])
def test_half_precision_gives_what_the_same_numbers_in_float32_give(name):
    model = CASES[name].build()
    with torch.no_grad():  # some predictions are confident
        for head in model._heads():
            for value in head.parameters():
                value.mul_(10)
    data = model.data_preprocessor(CASES[name].batch(size=(48, 64), count=2), training=True)
    outputs = model._forward_domains(data['inputs'], data['data_samples'])

    def result(cast):
        given = {}
        for domain, output in outputs.items():
            auxiliary = output.auxiliary and (lambda output=output: cast(output.auxiliary()))
            given[domain] = replace(output, logits=cast(output.logits), auxiliary=auxiliary)
            if name in FEATURES:
                given[domain].features = tuple(map(cast, output.features))
        found = model.objectives['tested'](given)
        return found.losses, found.pixel_weights

    half, single = result(lambda x: x.bfloat16()), result(lambda x: x.bfloat16().float())
    torch.testing.assert_close(half, single, rtol=0, atol=0)
