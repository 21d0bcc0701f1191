from __future__ import annotations

import copy

import pytest
from mmengine.optim import build_optim_wrapper

from mmseg_joint.errors import JointError
from tests.tiny import ADAM, HRS, HRS_OPTIMIZERS, build


def optimizers(**changes):
    return {**copy.deepcopy(HRS_OPTIMIZERS), **changes}


def test_every_parameter_is_in_exactly_one_group_with_its_rate():
    model = build(HRS)
    segmentor = dict(ADAM, paramwise_cfg=dict(custom_keys={'decode_head': dict(lr_mult=10.0)}))
    wrapper = build_optim_wrapper(model, optimizers(segmentor=segmentor))
    groups = [group for one in wrapper.values() for group in one.optimizer.param_groups]
    held = [(id(p), group['lr']) for group in groups for p in group['params']]
    rates = {n: 1e-2 if 'decode_head' in n else 1e-3 for n, _ in model.named_parameters()}
    assert sorted(held) == sorted((id(p), rates[n]) for n, p in model.named_parameters())


def test_one_optimizer_may_serve_a_whole_objective():
    wrapper = build_optim_wrapper(build(HRS), optimizers(gan=ADAM))
    assert list(wrapper.keys()) == ['segmentor', 'weighting', 'gan']


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(gan=None), r'no optimizer \(objectives\.gan.*: add optim_wrapper\.gan'),
        (dict(segmentor=None), r'no optimizer \(backbone.*: add optim_wrapper\.segmentor'),
        (dict(weighting=1e-4), r'optim_wrapper\.weighting is 0\.0001: it must be a dict'),
        (dict(optimizer=dict(type='Adam')), r'one optimizer for each network'),
        (dict(paramwise_cfg=dict(norm_decay_mult=0)), r'segmentor\.paramwise_cfg'),
    ],
)
def test_refusals_name_the_culprit(changes, message):
    with pytest.raises(JointError, match=message):
        build_optim_wrapper(build(HRS), optimizers(**changes))


def test_a_frozen_network_needs_no_optimizer_and_may_have_none():
    model = build(HRS)
    model.objectives['gan'].requires_grad_(False)
    build_optim_wrapper(model, optimizers(gan=None))
    with pytest.raises(JointError, match=r'gan\.generator matches no trainable parameter'):
        build_optim_wrapper(model, HRS_OPTIMIZERS)
