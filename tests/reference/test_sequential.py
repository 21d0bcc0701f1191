"""One forward and one backward equal the sequential loop of adversarial adaptation."""

from __future__ import annotations

import copy

import pytest
import torch
from mmseg.registry import OPTIM_WRAPPER_CONSTRUCTORS

from mmseg_joint.errors import JointError
from tests.models.segmentors.test_joint_encoder_decoder import DEEPLAB
from tests.reference.sequential import SequentialLoop
from tests.tiny import HRS, batch, build

SGD = dict(type='SGD', lr=0.02, momentum=0.9, weight_decay=5e-4)
ADAM = dict(type='Adam', lr=1e-3, betas=(0.9, 0.99))
GA = dict(
    type='OutputAdversarial', weight=0.5, discriminator=dict(channels=(4, 4, 4, 4))
)  # a large weight makes the term visible


def joint_step(model, optim_wrapper, data):
    with optim_wrapper.optim_context(model):
        prepared = model.data_preprocessor(data, training=True)
        losses = model.loss(**prepared)
        total, _ = model.parse_losses(losses)
    optim_wrapper.update_params(total)
    return losses


def by_hand(model):
    """Build SGD with the classifier at ten times the rate, and Adam for D."""
    groups = [
        dict(params=[p for p in model.backbone.parameters() if p.requires_grad]),
        dict(params=list(model.decode_head.parameters()), lr=10 * SGD['lr']),
    ]
    values = {key: value for key, value in SGD.items() if key != 'type'}
    segmentor = torch.optim.SGD(groups, **values)
    discriminator = torch.optim.Adam(model.objectives['ga'].parameters(), 1e-3, (0.9, 0.99))
    return [segmentor, discriminator]


@pytest.mark.parametrize(
    ('align', 'domains'),
    [
        ('target', ('source', 'unlabeled')),  # AdaptSegNet
        ('source', ('source', 'target', 'unlabeled')),  # GA
    ],
)
def test_two_steps_equal_the_sequential_loop(align, domains):
    model = build(dict(ga=dict(GA, align=align)), norm_statistics='all', **DEEPLAB).double().train()
    twin = copy.deepcopy(model)
    loop = SequentialLoop(twin, by_hand(twin))
    config = dict(
        segmentor=dict(
            optimizer=SGD, paramwise_cfg=dict(custom_keys=dict(decode_head=dict(lr_mult=10.0)))
        ),
        ga=dict(optimizer=ADAM),
    )
    constructor = OPTIM_WRAPPER_CONSTRUCTORS.get('JointOptimWrapperConstructor')
    optim_wrapper = constructor(config)(model)
    start = {name: value.clone() for name, value in model.state_dict().items()}
    for step in range(2):
        data = batch(seed=step, domains=domains, count=2)
        norms = {}
        for name, network in (('joint', model), ('loop', twin)):
            hooks = [
                value.register_post_accumulate_grad_hook(
                    lambda p, key=(name, key), norms=norms: norms.update(
                        {key: p.grad.norm().item()}
                    )
                )
                for key, value in network.named_parameters()
                if value.requires_grad
            ]
            if name == 'joint':
                ours = joint_step(model, optim_wrapper, copy.deepcopy(data))
            else:
                theirs = loop.step(copy.deepcopy(data))
            for hook in hooks:
                hook.remove()
        for domain in domains:
            if domain != 'unlabeled':
                loss = ours[f'{domain}.decode.loss_ce'].item()
                assert loss == pytest.approx(theirs[f'{domain} cross-entropy'], rel=1e-9)
        for ours_name, theirs_name in (
            ('ga.loss_adversarial', 'adversarial'),
            ('ga.loss_discriminator', 'discriminator'),
        ):
            assert ours[ours_name].item() == pytest.approx(theirs[theirs_name], rel=1e-10)
        assert all(norms.values()), 'a parameter without gradient'
        keys = [key for name, key in norms if name == 'joint']
        assert len(keys) == len(norms) / 2
        for key in keys:
            expected = norms['loop', key]
            assert norms['joint', key] == pytest.approx(expected, rel=1e-8, abs=1e-13), key
    after, expected = model.state_dict(), twin.state_dict()
    moved = 0
    for name, value in expected.items():
        # mmseg's cross-entropy adds a ten-millionth of a pixel to its divisor
        torch.testing.assert_close(
            after[name] - start[name], value - start[name], rtol=1e-7, atol=1e-13, msg=name
        )
        moved += not torch.equal(value, start[name])
    assert moved > len(expected) / 2
    assert any(not torch.equal(expected[n], start[n]) for n in start if 'running_var' in n)
    states = [
        {
            name: optimizer.state[value]
            for optimizer in optimizers
            for name, value in network.named_parameters()
            if value in optimizer.state
        }
        for network, optimizers in (
            (model, [wrapper.optimizer for wrapper in optim_wrapper.values()]),
            (twin, loop.optimizers),
        )
    ]
    assert states[0].keys() == states[1].keys()
    for name, state in states[1].items():
        for key, value in state.items():  # momentum, or Adam's moments
            torch.testing.assert_close(states[0][name][key], value, rtol=1e-7, atol=1e-13)


def test_other_objectives_are_refused():
    with pytest.raises(JointError, match='not for HierarchicalWeighting, ReconstructionGAN'):
        SequentialLoop(build(HRS), [])
