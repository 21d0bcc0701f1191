from __future__ import annotations

import copy
import pickle

import pytest
import torch

from mmseg_joint.models.objectives import Objective, ObjectiveResult
from tests.models.objectives import seam_objectives  # noqa: F401
from tests.models.segmentors.test_joint_encoder_decoder import DEEPLAB
from tests.tiny import batch, build


class Again(Objective):
    """Runs the segmentor once more, as it trains, on images of its own and on another's."""

    domains = ('unlabeled',)
    output_domains = ()

    def __init__(self, segmentor):
        super().__init__()
        self.segmentor = segmentor

    def derive(self, domains):
        self.inputs = domains['unlabeled'].inputs
        self.segmentor(self.inputs)
        return {}

    def forward(self, outputs):
        return ObjectiveResult({'loss_again': self.segmentor(self.inputs)[1].square().mean()})


MIX, AVERAGE = dict(type='SeamMix'), dict(type='SeamAverage')
HEAD = dict(DEEPLAB, decode_head=dict(DEEPLAB['decode_head'], dropout_ratio=0.5))


@pytest.fixture
def model():
    return build(dict(mix=MIX), **HEAD).train()


def images_of(model):
    return model.data_preprocessor(batch(count=2), training=True)['inputs']['source']


def test_it_adds_nothing_to_the_model(model):
    without = build(**HEAD)
    for names in ('state_dict', 'named_parameters', 'named_buffers'):
        assert [*dict(getattr(model, names)())] == [*dict(getattr(without, names)())]
    modules = [name for name, _ in without.named_modules()]
    assert [name for name, _ in model.named_modules()] == [*modules, 'objectives.mix']
    state = model.double().objectives['mix'].segmentor.state()
    assert all(v.dtype == torch.float64 for v in state.values() if v.is_floating_point())


@pytest.mark.parametrize('copied', [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_a_copy_of_the_model_refers_to_itself(model, copied):
    images, other = images_of(model), copied(model)
    with torch.no_grad():
        for value in other.decode_head.parameters():
            value.zero_()
    assert other.objectives['mix'].segmentor.evaluate(images)[1].abs().sum() == 0
    assert model.objectives['mix'].segmentor.evaluate(images)[1].abs().sum() > 0
    alone = copy.deepcopy(model.objectives['mix'])
    assert torch.equal(
        alone.segmentor.evaluate(images)[1], model.objectives['mix'].segmentor.evaluate(images)[1]
    )


def test_evaluating_leaves_no_trace(model):
    images, segmentor = images_of(model), model.objectives['mix'].segmentor
    model.backbone.layer1.eval()  # frozen in a model in training
    modes = [module.training for module in model.modules()]
    before, state = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    features, logits = segmentor.evaluate(images)
    assert [module.training for module in model.modules()] == modes
    assert torch.equal(torch.get_rng_state(), state) and not logits.requires_grad
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name
    with torch.no_grad():
        assert torch.equal(logits, model.eval().encode_decode(images, [dict(img_shape=(64, 96))]))
        assert all(map(torch.equal, features, model.extract_feat(images)))


def test_called_it_trains_and_keeps_the_running_averages(model):
    images, segmentor = images_of(model), model.objectives['mix'].segmentor
    before = copy.deepcopy(model.state_dict())
    torch.manual_seed(1)
    _, logits = segmentor(images)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name
    torch.manual_seed(1)
    torch.testing.assert_close(logits, model._segment(images)[1])  # with batch statistics, dropout
    assert any(not torch.equal(v, before[n]) for n, v in model.state_dict().items())
    logits.sum().backward()
    assert all(value.grad is not None for value in model.parameters() if value.requires_grad)


def test_a_copy_of_the_segmentor_is_the_objectives_own():
    built, drawn = build(dict(mix=MIX), **DEEPLAB), torch.get_rng_state()
    model = build(dict(average=AVERAGE, mix=MIX), **DEEPLAB)
    # its copy draws no random numbers: all else begins as without it
    assert torch.equal(torch.get_rng_state(), drawn)
    for name, value in built.state_dict().items():
        assert torch.equal(model.state_dict()[name], value), name
    teacher, state = model.objectives['average'].teacher, model.objectives['mix'].segmentor.state()
    assert not [name for name in state if 'objectives' in name]
    later = model.objectives['mix'].segmentor.copy()  # when there are objectives
    assert teacher.state_dict().keys() == later.state_dict().keys() == state.keys()
    assert not any(value.requires_grad for value in teacher.parameters())
    shared = {value.data_ptr() for value in state.values()}
    assert shared.isdisjoint(value.data_ptr() for value in teacher.state_dict().values())
    teacher.load_state_dict(state)
    images = images_of(model)
    expected = model.objectives['mix'].segmentor.evaluate(images)[1]
    assert torch.equal(teacher.segment(images, evaluate=True)[1], expected)


@pytest.mark.parametrize('way', [{}, dict(sequential_domains=True)])
def test_within_a_step_it_moves_no_running_average(way):
    """The domain's own images do, though no loss reads them."""
    buffers, counts = [], []
    for objectives in (dict(again=dict(type=Again)), {}):
        model = build(objectives, **DEEPLAB, **way).double().train()
        start = copy.deepcopy(model.state_dict())
        calls = []
        model.backbone.register_forward_hook(lambda net, args, result, to=calls: to.append(result))
        data = model.data_preprocessor(batch(domains=('target', 'unlabeled'), count=2), True)
        model.parse_losses(model(**data, mode='loss'))[0].backward()
        model.train()  # the step is over
        buffers.append(dict(model.named_buffers()))
        assert any(not torch.equal(value, start[name]) for name, value in buffers[-1].items()
                   if name in start)  # fmt: skip
        counts.append(len(calls))
    assert counts[0] == counts[1] + 2
    for name, value in buffers[1].items():
        assert torch.equal(buffers[0][name], value), name
