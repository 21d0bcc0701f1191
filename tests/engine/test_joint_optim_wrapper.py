from __future__ import annotations

import copy

import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.optim import build_optim_wrapper
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, l1_loss

from mmseg_joint.errors import JointError
from mmseg_joint.models.losses.weighting_maps import weighting_map
from tests.ranks import on_ranks
from tests.tiny import ADAM, HRS, HRS_OPTIMIZERS, batch, build


def sequential_step(model, data, optimizers):
    """One step of HRS as the public adversarial codes write it: a backward for each network."""
    data = model.data_preprocessor(data, training=True)
    images, labels = {}, {}
    for domain in ('source', 'target'):
        images[domain] = data['inputs'][domain]
        labels[domain] = torch.stack(
            [sample.gt_sem_seg.data[0] for sample in data['data_samples'][domain]]
        )
    weighting, gan = model.objectives['weighting'], model.objectives['gan']
    for optimizer in optimizers.values():
        optimizer.zero_grad()

    def called(score, label):
        return binary_cross_entropy_with_logits(score, torch.full_like(score, label))

    features, logits = {}, {}
    for domain, image in images.items():
        outputs = model.backbone(image)
        features[domain], logits[domain] = outputs[3], model.decode_head(outputs)

    # E: segmentation on both domains, then the adversarial loss through frozen G and D
    with torch.no_grad():
        scores = {k: net(logits['source'].softmax(1)) for k, net in weighting.networks.items()}
        weights = weighting_map(scores, labels['source'])
    source = cross_entropy(logits['source'], labels['source'], ignore_index=255, reduction='none')
    source = (weights * source).sum() / (labels['source'] != 255).sum()
    target = cross_entropy(logits['target'], labels['target'], ignore_index=255)
    (source + target).backward(retain_graph=True)
    for parameter in gan.parameters():
        parameter.requires_grad_(False)
    size = images['source'].shape[-2:]
    (0.001 * called(gan.discriminator(gan.generator(features['source'], size)), 1.0)).backward()
    for parameter in gan.parameters():
        parameter.requires_grad_(True)

    # W on detached predictions
    for domain, label in (('source', 0.0), ('target', 1.0)):
        for network in weighting.networks.values():
            (network(logits[domain].detach().softmax(1)) - label).abs().mean().backward()

    # G on detached features, through a frozen D
    unit = {k: model.data_preprocessor.to_unit_range(v) for k, v in images.items()}
    fake = gan.generator(features['source'].detach(), size)
    rebuilt = gan.generator(features['target'].detach(), size)
    rebuild = l1_loss(fake, unit['source']) + l1_loss(rebuilt, unit['target'])
    for parameter in gan.discriminator.parameters():
        parameter.requires_grad_(False)
    (rebuild + called(gan.discriminator(fake), 1.0)).backward()
    for parameter in gan.discriminator.parameters():
        parameter.requires_grad_(True)

    # D on detached images
    d_logits = called(gan.discriminator(unit['target']), 0.9)
    (d_logits + called(gan.discriminator(fake.detach()), 0.1)).backward()
    for optimizer in optimizers.values():
        optimizer.step()


def test_one_backward_equals_the_sequential_loop():
    objectives = copy.deepcopy(HRS)
    objectives['gan'].update(real_label=(0.9, 0.9), fake_label=(0.1, 0.1))
    ours = build(objectives).double()
    theirs = copy.deepcopy(ours)
    wrapper = build_optim_wrapper(ours, HRS_OPTIMIZERS)
    segmentor = [p for n, p in theirs.named_parameters() if not n.startswith('objectives.')]
    optimizers = {
        'segmentor': torch.optim.Adam(segmentor, lr=1e-3),
        'weighting': torch.optim.Adam(theirs.objectives['weighting'].parameters(), lr=1e-3),
        'generator': torch.optim.Adam(theirs.objectives['gan'].generator.parameters(), lr=1e-3),
        'discriminator': torch.optim.Adam(
            theirs.objectives['gan'].discriminator.parameters(), lr=1e-3
        ),
    }
    before = copy.deepcopy(ours.state_dict())
    for step in range(3):
        data = batch(seed=step, size=(45, 70), count=2)
        ours.train_step(copy.deepcopy(data), wrapper)
        sequential_step(theirs, data, optimizers)
    for (name, mine), their in zip(ours.named_parameters(), theirs.parameters()):
        assert not torch.equal(mine, before[name]), f'{name} was not trained'
        torch.testing.assert_close(mine, their, rtol=0, atol=1e-12, msg=name)


def test_accumulated_gradients_equal_their_mean():
    model = build(dict(weighting=HRS['weighting'])).double()
    other = copy.deepcopy(model)
    sgd = dict(optimizer=dict(type='SGD', lr=0.1))
    config = dict(constructor='JointOptimWrapperConstructor', segmentor=sgd, weighting=sgd)
    wrapper = build_optim_wrapper(model, dict(config, accumulative_counts=2))
    wrapper.initialize_count_status(model, 0, 4)
    followed = []
    wrapper.after_step.append(lambda: followed.append(torch.is_grad_enabled()))
    batches = [batch(seed=seed) for seed in range(2)]
    for data in batches:
        model.train_step(copy.deepcopy(data), wrapper)
    total = 0
    for data in batches:
        losses = other.loss(*other.data_preprocessor(data, training=True).values())
        total = total + other.parse_losses(losses)[0] / 2
    total.backward()
    for mine, their in zip(model.parameters(), other.parameters()):
        torch.testing.assert_close(mine, their - 0.1 * their.grad, rtol=0, atol=1e-13)
    assert followed == [False]  # one step, and nothing after it needs gradients


def test_gradients_are_clipped_and_logged_for_each_network():
    model = build(HRS)
    config = dict(
        HRS_OPTIMIZERS,
        segmentor=dict(ADAM, clip_grad=dict(max_norm=1e-3)),
        weighting=dict(ADAM, clip_grad=dict(max_norm=1e9)),
    )
    wrapper = build_optim_wrapper(model, config)
    hub = MessageHub.get_current_instance()
    losses = model.loss(*model.data_preprocessor(batch(), training=True).values())
    wrapper.backward(model.parse_losses(losses)[0])
    segmentor = [p for n, p in model.named_parameters() if not n.startswith('objectives.')]
    weighting = list(model.objectives['weighting'].parameters())
    norms = [torch.stack([p.grad.norm() for p in part]).norm() for part in (segmentor, weighting)]
    wrapper.step()
    logged = {k: v.current() for k, v in hub.log_scalars.items() if 'grad_norm' in k}
    assert logged['train/segmentor.grad_norm'] == pytest.approx(norms[0].item(), rel=1e-4)
    assert logged['train/weighting.grad_norm'] == pytest.approx(norms[1].item(), rel=1e-4)
    assert not any('gan' in key for key in logged)
    after = [torch.stack([p.grad.norm() for p in part]).norm() for part in (segmentor, weighting)]
    assert after[0].item() == pytest.approx(1e-3, rel=1e-3)
    assert after[1].item() == pytest.approx(norms[1].item(), rel=1e-4)


@pytest.mark.parametrize('dtype', ['bfloat16', 'float16'])
def test_mixed_precision_on_a_cpu_stays_near_float32(dtype):
    steps = {}
    for kind in ('float32', dtype):
        model = build(HRS)
        before = [p.detach().clone() for p in model.objectives['weighting'].parameters()]
        wrapper = build_optim_wrapper(model, dict(HRS_OPTIMIZERS, dtype=kind))
        torch.manual_seed(0)
        logs = model.train_step(batch(), wrapper)
        moved = [p - b for p, b in zip(model.objectives['weighting'].parameters(), before)]
        steps[kind] = logs['loss'].item(), moved
    assert steps[dtype][0] == pytest.approx(steps['float32'][0], rel=0.02)
    assert all(step.abs().max() > 0 for step in steps[dtype][1])


def test_an_overflow_skips_the_step_of_its_network_only():
    model = build(HRS)
    wrapper = build_optim_wrapper(model, dict(HRS_OPTIMIZERS, dtype='float16', loss_scale=8.0))
    losses = model.loss(*model.data_preprocessor(batch(), training=True).values())
    wrapper.backward(model.parse_losses(losses)[0])
    model.objectives['weighting'].networks['image'].convs[0].bias.grad[0] = float('inf')
    before = copy.deepcopy(model.state_dict())
    wrapper.step()
    moved = {
        network: any(
            not torch.equal(value, before[name])
            for name, value in model.state_dict().items()
            if name.startswith(network)
        )
        for network in ('backbone', 'objectives.weighting', 'objectives.gan')
    }
    assert moved == {'backbone': True, 'objectives.weighting': False, 'objectives.gan': True}
    assert wrapper.loss_scaler.get_scale() == 4


def test_one_scaler_serves_all_networks_and_is_restored():
    config = dict(HRS_OPTIMIZERS, dtype='float16', loss_scale=1024.0)
    model = build(HRS)
    wrapper = build_optim_wrapper(model, config)
    assert wrapper.loss_scaler.get_scale() == 1024
    model.train_step(batch(), wrapper)
    wrapper.loss_scaler.update(new_scale=256.0)
    state = wrapper.state_dict()
    fresh = build_optim_wrapper(build(HRS), config)
    fresh.load_state_dict(copy.deepcopy(state))
    assert fresh.loss_scaler.get_scale() == 256
    assert set(state) == {
        'segmentor', 'weighting', 'gan.generator', 'gan.discriminator', 'loss_scaler',
    }  # fmt: skip


def train(model, wrapper, steps):
    """Steps from one seed each, as the iteration's hook gives them."""
    for step in steps:
        torch.manual_seed(step)
        model.train_step(batch(seed=step), wrapper)


@pytest.mark.parametrize('step', [1, 2, 3, 4])
def test_accumulated_gradients_survive_a_checkpoint(step):
    config = dict(HRS_OPTIMIZERS, accumulative_counts=3)
    whole, model = build(HRS), build(HRS)
    for one, end in ((whole, 5), (model, step)):
        wrapper = build_optim_wrapper(one, config)
        wrapper.initialize_count_status(one, 0, 5)
        train(one, wrapper, range(end))
    state = copy.deepcopy(wrapper.state_dict())
    assert ('accumulated_gradients' in state) == (step != 3)
    resumed = build(HRS, seed=1)
    resumed.load_state_dict(model.state_dict())
    wrapper = build_optim_wrapper(resumed, config)
    wrapper.load_state_dict(state)
    wrapper.initialize_count_status(resumed, step, 5)
    train(resumed, wrapper, range(step, 5))
    for (name, mine), their in zip(whole.named_parameters(), resumed.parameters()):
        assert torch.equal(mine, their), name


def test_accumulated_gradients_find_their_network_in_a_config_of_another_order():
    config = dict(HRS_OPTIMIZERS, accumulative_counts=2)  # a run's copy of its config sorts keys
    model, resumed = build(HRS), build(HRS)
    wrapper = build_optim_wrapper(model, config)
    train(model, wrapper, range(1))
    other = build_optim_wrapper(resumed, {key: config[key] for key in reversed(config)})
    other.load_state_dict(copy.deepcopy(wrapper.state_dict()))
    for (name, mine), their in zip(model.named_parameters(), resumed.parameters()):
        assert torch.equal(mine.grad, their.grad), name


def test_gradients_of_a_window_that_the_config_no_longer_has_are_dropped():
    config = dict(HRS_OPTIMIZERS, accumulative_counts=3)
    model = build(HRS)
    wrapper = build_optim_wrapper(model, config)
    train(model, wrapper, range(2))
    state = copy.deepcopy(wrapper.state_dict())
    wrapper = build_optim_wrapper(model, dict(config, accumulative_counts=2))
    wrapper.load_state_dict(state)
    assert any(p.grad is not None for p in model.parameters())
    wrapper.initialize_count_status(model, 2, 9)
    assert all(p.grad is None for p in model.parameters())


def test_ranks_average_what_they_accumulated(tmp_path):
    def means(rank):
        """Return what a rank has accumulated of its own batch, before and after averaging."""
        model = build(dict(weighting=HRS['weighting']))
        config = {key: value for key, value in HRS_OPTIMIZERS.items() if key != 'gan'}
        wrapper = build_optim_wrapper(model, dict(config, accumulative_counts=2))
        train(model, wrapper, [rank])
        own = [p.grad.clone() for p in model.parameters()]
        wrapper.average_accumulated_gradients()
        return own, [p.grad for p in model.parameters()]

    (first, mean), (second, other) = on_ranks(means, tmp_path)
    assert not torch.equal(first[0], second[0])
    for one, two, got, same in zip(first, second, mean, other):
        assert torch.equal(got, same)
        torch.testing.assert_close(got, (one + two) / 2)


def test_clipping_acts_on_unscaled_gradients():
    segmentor = dict(optimizer=dict(type='SGD', lr=1.0), clip_grad=dict(max_norm=1e-3))
    model = build()
    config = dict(constructor='JointOptimWrapperConstructor', segmentor=segmentor)
    wrapper = build_optim_wrapper(model, dict(config, dtype='float16', loss_scale=1024.0))
    before = [p.detach().clone() for p in model.parameters()]
    model.train_step(batch(), wrapper)
    moved = torch.stack([(p - b).norm() for p, b in zip(model.parameters(), before)]).norm()
    assert moved.item() == pytest.approx(1e-3, rel=1e-3)


def test_unknown_dtype_is_refused():
    with pytest.raises(JointError, match=r"optim_wrapper\.dtype is 'half'.*bfloat16"):
        build_optim_wrapper(build(HRS), dict(HRS_OPTIMIZERS, dtype='half'))


@pytest.mark.parametrize('dtype', ['float32', 'float16'])
def test_a_network_without_a_gradient_stays_as_it_is(dtype):
    model = build(HRS)
    wrapper = build_optim_wrapper(model, dict(HRS_OPTIMIZERS, dtype=dtype))
    before = copy.deepcopy(model.state_dict())
    losses = model.loss(*model.data_preprocessor(batch(), training=True).values())
    wrapper.update_params(losses['target.decode.loss_ce'])
    moved = {
        n.split('.')[0] for n, x in model.state_dict().items() if not torch.equal(x, before[n])
    }
    assert moved == {'backbone', 'decode_head'}
