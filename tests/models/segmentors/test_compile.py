"""`torch.compile` sees the batch norms of every domain, and the same layers in every step."""

from __future__ import annotations

import pytest
from torch import _dynamo as dynamo

from tests.cuda.steps import assert_same, assert_same_log, one_step
from tests.objective_cases import BACKBONE, CASES, HEAD

TWO_STAGES = dict(
    backbone=dict(BACKBONE, num_stages=2, strides=(1, 2), dilations=(1, 1), out_indices=(0, 1)),
    decode_head=dict(HEAD, in_channels=8, in_index=1),
)


@pytest.fixture(autouse=True)
def _forgets():
    dynamo.reset()
    dynamo.utils.counters.clear()
    yield
    dynamo.reset()


@pytest.mark.parametrize('merge_domains', ['auto', False])
def test_a_compiled_segmentor_takes_the_same_steps(merge_domains):
    """With live batch norms; no code is generated, so that no compiler is needed."""
    case, steps = CASES['ga'], []
    for compiled in (False, True):
        model = case.build(merge_domains=merge_domains, **TWO_STAGES).double().train()
        if compiled:
            model.backbone.compile(backend='eager')
            model.decode_head.compile(backend='eager')
        wrapper = case.optim_wrapper(model)
        steps.append([one_step(model, wrapper, case.batch(seed)) for seed in range(2)])
        graphs = dynamo.utils.counters['stats']['unique_graphs']
        one_step(model, wrapper, case.batch(2))
        assert dynamo.utils.counters['stats']['unique_graphs'] == graphs  # nothing is compiled anew
    assert graphs > 0 and not dynamo.utils.counters['graph_break']
    for expected, got in zip(*steps):
        assert_same_log(got.log, expected.log, 1e-12)
        assert_same(got.gradients, expected.gradients, 1e-12)
        assert_same(got.state, expected.state, 1e-12)


def test_no_name_of_a_weight_changes():
    model = CASES['ga'].build(**TWO_STAGES)
    names = list(model.state_dict())
    model.backbone.compile(backend='eager')
    assert list(model.state_dict()) == names
