from __future__ import annotations

import copy

import pytest
import torch
from mmengine.logging import MMLogger
from mmengine.optim import build_optim_wrapper
from torch import nn

from mmseg_joint.errors import JointError
from tests.tiny import ADAM, HRS, HRS_OPTIMIZERS, build


def optimizers(**changes):
    return {**copy.deepcopy(HRS_OPTIMIZERS), **changes}


def test_every_parameter_is_in_exactly_one_group_with_its_rate():
    model = build(HRS)
    model.scale = nn.Parameter(torch.ones(1))  # of no network of its own
    filters = list(MMLogger.get_current_instance().filters)
    segmentor = dict(ADAM, paramwise_cfg=dict(custom_keys={'decode_head': dict(lr_mult=10.0)}))
    wrapper = build_optim_wrapper(model, optimizers(segmentor=segmentor))
    groups = [group for one in wrapper.values() for group in one.optimizer.param_groups]
    held = [(id(p), group['lr']) for group in groups for p in group['params']]
    rates = {n: 1e-2 if 'decode_head' in n else 1e-3 for n, _ in model.named_parameters()}
    assert sorted(held) == sorted((id(p), rates[n]) for n, p in model.named_parameters())
    assert MMLogger.get_current_instance().filters == filters


def test_a_step_sees_one_group_for_each_kind_of_options():
    segmentor = dict(ADAM, paramwise_cfg=dict(custom_keys={'decode_head': dict(lr_mult=10.0)}))
    wrapper = build_optim_wrapper(build(HRS), optimizers(segmentor=segmentor))
    for name, kinds in (('segmentor', 2), ('gan.generator', 1)):
        optimizer, seen = wrapper[name].optimizer, []
        optimizer.register_step_pre_hook(lambda one, *_, seen=seen: seen.append(one.param_groups))
        optimizer.step()
        assert [len(groups) for groups in seen] == [kinds]


def test_one_optimizer_may_serve_a_whole_objective():
    deleted = dict(dtype=None, accumulative_counts=None, loss_scale=None)
    wrapper = build_optim_wrapper(build(HRS), optimizers(gan=ADAM, **deleted))
    assert list(wrapper.keys()) == ['segmentor', 'weighting', 'gan']


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(gan=None), r'no optimizer \(objectives\.gan.*: add optim_wrapper\.gan\.$'),
        (dict(gan=dict(generator=ADAM)), r'add optim_wrapper\.gan\.discriminator\.$'),
        (dict(segmentor=dict(ADAM, dtype='float16')), r'move it to optim_wrapper\.dtype'),
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
