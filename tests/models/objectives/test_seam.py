"""Everything objectives may do, against a hand-written loop around plain mmseg's model."""

from __future__ import annotations

import copy

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.model import MMDistributedDataParallel
from mmseg.registry import MODELS
from torch.nn.functional import conv2d, logsigmoid

from mmseg_joint.engine.joint_optim_wrapper_constructor import JointOptimWrapperConstructor
from tests.models.objectives import seam_objectives  # noqa: F401
from tests.ranks import on_ranks
from tests.tiny import CLASSES, MODEL, batch, build

DOMAINS = ('source', 'target', 'unlabeled')
WINDOW, STEPS = 2, 5  # the last window has one iteration
THRESHOLD, RATE = 0.78, 1e-3
SGD = dict(optimizer=dict(type='SGD', lr=RATE, momentum=0.9))
OBJECTIVES = dict(
    mix=dict(type='SeamMix', threshold=THRESHOLD),
    average=dict(type='SeamAverage'),
    reversal=dict(type='SeamReversal'),
)
WAYS = {
    'merged': dict(),
    'one by one': dict(merge_domains=False),
    'in turn': dict(sequential_domains=True),
}


def model_with(*names: str, **changes) -> torch.nn.Module:
    model = build({name: OBJECTIVES[name] for name in names}, **changes).double().train()
    with torch.no_grad():  # predictions that are confident in places
        model.decode_head.conv_seg.weight.mul_(300)
        if 'average' in names:  # a teacher of its own
            for value in model.objectives['average'].teacher.parameters():
                value.copy_(0.1 * torch.randn_like(value))
    return model


def wrapper_of(model) -> object:
    networks = dict(segmentor=SGD)
    if 'reversal' in getattr(model, 'module', model).objectives:
        networks['reversal'] = SGD
    config = dict(networks, accumulative_counts=WINDOW)
    wrapper = JointOptimWrapperConstructor(copy.deepcopy(config))(model)
    wrapper.initialize_count_status(model, 0, STEPS)
    return wrapper


def batches(count: int = 2) -> list[dict]:
    return [batch(seed, DOMAINS, count=count) for seed in range(STEPS)]


def plain_of(model) -> torch.nn.Module:
    """The segmentor in plain mmseg, from the joint model's checkpoint."""
    config = copy.deepcopy(MODEL)
    config['type'], config['data_preprocessor']['type'] = 'EncoderDecoder', 'SegDataPreProcessor'
    plain = MODELS.build(ConfigDict(config)).double().train()
    result = plain.load_state_dict(model.state_dict(), strict=False)
    assert result.missing_keys == []
    assert all(key.startswith('objectives.') for key in result.unexpected_keys)
    return plain


class ByHand:
    """The same training, written without this project."""

    def __init__(self, model, *names: str):
        self.names, self.net = names, plain_of(model)
        self.parameters = dict(self.net.named_parameters())
        if 'reversal' in names:
            classifier = copy.deepcopy(model.objectives['reversal'].classifier)
            self.weight, self.bias = classifier.weight, classifier.bias
            self.parameters['weight'], self.parameters['bias'] = self.weight, self.bias
        if 'average' in names:
            self.teacher = copy.deepcopy(self.net)
            self.teacher.load_state_dict(model.objectives['average'].teacher.state_dict())
        self.speed = {name: torch.zeros_like(value) for name, value in self.parameters.items()}
        self.sums = {name: torch.zeros_like(value) for name, value in self.parameters.items()}
        self.count, self.shares = 0, []

    @staticmethod
    def normalized(image):
        mean = torch.tensor([120.0, 110.0, 100.0], dtype=torch.float64).view(3, 1, 1)
        std = torch.tensor([58.0, 57.0, 56.0], dtype=torch.float64).view(3, 1, 1)
        return (image.flip(1).double() - mean) / std

    @staticmethod
    def scores(net, image):
        return net.decode_head.forward(net.extract_feat(ByHand.normalized(image)))

    def supervised(self, image, labels, weights=1.0):
        known = labels != 255
        chosen = self.scores(self.net, image).log_softmax(1)
        chosen = chosen.gather(1, labels.where(known, 0)[:, None])[:, 0]
        count = known.sum().double() + torch.finfo(torch.float32).eps  # as mmseg has it
        return -(weights * chosen * known).sum() / count

    def losses(self, data) -> dict:
        images, labels = {}, {}
        for domain in DOMAINS:
            at = [i for i, s in enumerate(data['data_samples']) if s.domain == domain]
            images[domain] = torch.stack([data['inputs'][i] for i in at])
            labels[domain] = torch.cat([data['data_samples'][i].gt_sem_seg.data for i in at])
        losses = {
            f'{domain}.decode.loss_ce': self.supervised(images[domain], labels[domain])
            for domain in ('source', 'target')
        }
        if 'mix' in self.names:
            losses['mixed.decode.loss_ce'] = self.mixed(images, labels)
        if 'average' in self.names:
            with torch.no_grad():
                wanted = self.scores(self.teacher, images['unlabeled']).softmax(1)
            got = self.scores(self.net, images['unlabeled']).softmax(1)
            losses['average.loss_distance'] = 5 * (got - wanted).square().mean()
        if 'reversal' in self.names:
            losses['reversal.loss_domains'], self.adversarial = self.reversed(images)
        return losses

    def mixed(self, images, labels):
        with torch.no_grad():
            p = self.scores(self.net, images['unlabeled']).softmax(1)
        image, label, weight = images['unlabeled'].clone(), p.argmax(1), p[:, 0].clone()
        for n in range(len(p)):
            weight[n] = (p[n].amax(0) >= THRESHOLD).double().mean()
            self.shares.append(weight[n, 0, 0].item())
            for k in range(0, CLASSES, 2):
                there = labels['source'][n] == k
                image[n, :, there] = images['source'][n, :, there]
                label[n, there], weight[n, there] = k, 1.0
        return self.supervised(image, label, weight.float().double())  # mmseg casts weights

    def reversed(self, images):
        """D's loss, and what the segmentor minimizes: the same with the opposite sign."""
        total = []
        for live in (True, False):
            weight, bias = (w if live else w.detach() for w in (self.weight, self.bias))
            total.append(0.0)
            for sign, domain in ((-1, 'source'), (1, 'target')):
                p = self.scores(self.net, images[domain]).softmax(1)
                d_logits = conv2d(p.detach() if live else p, weight, bias)
                total[-1] = total[-1] - 0.5 * logsigmoid(sign * d_logits).mean()
        return total[0], -total[1]

    def iterate(self, data) -> dict:
        losses = self.losses(data)
        total = sum(losses.values())
        if 'reversal' in self.names:
            total = total + self.adversarial
        window = WINDOW if self.count < STEPS - STEPS % WINDOW else STEPS % WINDOW
        gradients = torch.autograd.grad(total / window, list(self.parameters.values()))
        for gradient, grown in zip(gradients, self.sums.values()):
            grown += gradient
        self.count += 1
        if self.count % WINDOW == 0 or self.count == STEPS:
            self.step()
        return losses

    @torch.no_grad()
    def step(self):
        for name, value in self.parameters.items():
            self.speed[name] = 0.9 * self.speed[name] + self.sums[name]
            value -= RATE * self.speed[name]
            self.sums[name].zero_()
        if 'average' in self.names:
            for mine, theirs in zip(self.teacher.parameters(), self.net.parameters()):
                mine.copy_(0.9 * mine + 0.1 * theirs)


def close(got, expected, name, rtol=1e-10):
    torch.testing.assert_close(got, expected, rtol=rtol, atol=1e-12, msg=lambda m: f'{name}: {m}')


@pytest.mark.parametrize(
    ('names', 'way'),
    [*(((name,), 'merged') for name in OBJECTIVES), *((tuple(OBJECTIVES), way) for way in WAYS)],
)
def test_losses_gradients_and_steps_are_those_of_the_loop(names, way):
    model = model_with(*names, **WAYS[way])
    wrapper, hand = wrapper_of(model), ByHand(model, *names)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    for number, data in enumerate(batches()):
        losses, logged = hand.iterate(data), model.train_step(copy.deepcopy(data), wrapper)
        for name, value in losses.items():
            close(logged[name].double(), value.float().double(), name, rtol=1e-6)
        if (number + 1) % WINDOW and number + 1 < STEPS:
            for name, value in model.named_parameters():
                if value.requires_grad:
                    key = name.removeprefix('objectives.reversal.classifier.')
                    close(value.grad, hand.sums[key], name)
    assert 'mix' not in names or any(0.1 < share < 0.9 for share in hand.shares)
    named = {'loss'} | set(losses)
    assert {name for name in logged if 'loss' in name} == named
    for name, value in model.state_dict().items():
        if value.is_floating_point():
            assert not torch.equal(value, before[name]), name  # teacher and networks have moved
    for name, value in hand.net.named_parameters():
        close(model.get_parameter(name), value, name)
    if 'average' in names:
        assert model.objectives['average'].steps == 3  # optimizer steps, not iterations
        for name, value in hand.teacher.named_parameters():
            close(model.objectives['average'].teacher.get_parameter(name), value, name)


def trained(model, data, wrap=lambda model: model) -> dict:
    wrapped = wrap(model)
    wrapper = wrapper_of(wrapped)
    for one in data:
        wrapped.train_step(copy.deepcopy(one), wrapper)
    return model.state_dict()


def test_two_ranks_equal_one_process(tmp_path):
    def work(rank):
        parts = [{key: values[rank::2] for key, values in one.items()} for one in batches()]

        def wrap(model):
            return MMDistributedDataParallel(model, device_ids=None, broadcast_buffers=False)

        return trained(model_with(*OBJECTIVES), parts, wrap)

    one = trained(model_with(*OBJECTIVES), batches())
    for other in on_ranks(work, tmp_path):
        assert set(other) == set(one)
        for name, value in one.items():
            close(other[name], value, name)


@pytest.mark.parametrize('done', [1, 2, 3, 4])
def test_resuming_is_bit_exact(done, tmp_path):
    data = batches()
    whole = trained(model_with(*OBJECTIVES), data)
    model = model_with(*OBJECTIVES)
    wrapper = wrapper_of(model)
    for one in data[:done]:
        model.train_step(copy.deepcopy(one), wrapper)
    torch.save(dict(model=model.state_dict(), optimizer=wrapper.state_dict()), tmp_path / 'x.pth')
    saved = torch.load(tmp_path / 'x.pth')

    model = build(OBJECTIVES, seed=1).double().train()
    wrapper = wrapper_of(model)
    model.load_state_dict(saved['model'])
    wrapper.load_state_dict(saved['optimizer'])
    wrapper.initialize_count_status(model, done, STEPS)
    for one in data[done:]:
        model.train_step(copy.deepcopy(one), wrapper)
    for name, value in whole.items():
        assert torch.equal(model.state_dict()[name], value), name


def test_the_checkpoint_predicts_the_same_in_plain_mmseg():
    model = model_with(*OBJECTIVES)
    trained(model, batches()[:WINDOW])
    plain, image = plain_of(model).eval(), torch.rand(1, 3, 45, 70, dtype=torch.float64)
    with torch.no_grad():
        found = [net.predict(image)[0].seg_logits.data for net in (model.eval(), plain)]
    assert torch.equal(*found)
