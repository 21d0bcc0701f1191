"""The average after k optimizer steps in closed form, and sharing of its forward."""

from __future__ import annotations

import copy

import pytest
import torch
from mmengine.config import Config

from mmseg_joint.checkpoints.fit import check_checkpoint, load_model
from mmseg_joint.engine.joint_optim_wrapper_constructor import JointOptimWrapperConstructor
from mmseg_joint.errors import JointError
from mmseg_joint.models.objectives import (
    DerivedDomain,
    DomainInput,
    Objective,
    ObjectiveResult,
    Teacher,
)
from mmseg_joint.models.objectives import teacher as teacher_file
from mmseg_joint.models.segmentors.joint_encoder_decoder import evaluated_segmentor
from tests.models.segmentors.test_norm_statistics import LIVE
from tests.ranks import on_ranks
from tests.tiny import MODEL, batch, build, padded_batch, padding_of_batch

SGD = dict(optimizer=dict(type='SGD', lr=0.01))


class Asks(Objective):
    domains = ('unlabeled',)
    output_domains = ()

    def __init__(self, segmentor, name='asked'):
        super().__init__()
        self.segmentor, self.name = segmentor, name

    def derive(self, domains):
        teacher = self.segmentor.objective('teacher', Teacher, 'Asks.teacher')
        if not teacher.active:
            return {}
        unlabeled = domains['unlabeled']
        labels = teacher.label(unlabeled)[1]
        return {self.name: DerivedDomain(unlabeled.unit_images, labels)}

    def forward(self, outputs):
        return ObjectiveResult({})


def model_with(seed=0, **teacher):
    asks = {name: dict(type=Asks, name=f'by_{name}') for name in ('first', 'second')}
    objectives = dict(first=asks['first'], teacher=dict(type='Teacher', **teacher))
    return build(dict(objectives, second=asks['second']), seed=seed, **LIVE).double().train()


def wrapper_of(model, window=1, done=0, steps=8):
    wrapper = JointOptimWrapperConstructor(dict(segmentor=SGD, accumulative_counts=window))(model)
    wrapper.initialize_count_status(model, done, steps)
    return wrapper


def train(model, wrapper, numbers):
    """Return the logs, and the segmentor's and the teacher's tensors after each iteration."""
    logs, students, teachers = [], [], []
    for number in numbers:
        data = batch(number, ('target', 'unlabeled'), count=2)
        logs.append(model.train_step(copy.deepcopy(data), wrapper))
        teacher = model.objectives['teacher']
        students.append(copy.deepcopy(teacher.segmentor.state()))
        teachers.append(copy.deepcopy(teacher.average.state_dict()))
    return logs, students, teachers


@pytest.mark.parametrize(('alpha', 'start'), [(0.6, 0), (0.6, 2), (0.999, 1), (0.0, 0)])
def test_after_k_steps_it_is_the_weighted_sum(alpha, start):
    model = model_with(alpha=alpha, start=start)
    first = copy.deepcopy(model.objectives['teacher'].segmentor.state())
    logs, students, teachers = train(model, wrapper_of(model), range(5))
    begun = [first, *students][start:]  # what it has seen, its first copy among them
    shares = [1.0]
    for t in range(1, len(begun)):
        momentum = min(1 - 1 / (t + 1), alpha)
        shares = [momentum * share for share in shares] + [1 - momentum]
        for name, value in teachers[start + t - 1].items():
            if value.is_floating_point():
                expected = sum(share * state[name] for share, state in zip(shares, begun))
                torch.testing.assert_close(value, expected, rtol=1e-11, atol=1e-13, msg=name)
            else:
                assert torch.equal(value, students[start + t - 1][name])
    assert abs(sum(shares) - 1) < 1e-12
    for number, log in enumerate(logs):  # nothing is labeled before it begins
        assert ('by_first.decode.loss_ce' in log) == (number >= start)
        t = number + 1 - start
        assert float(log['teacher.momentum']) == pytest.approx(
            min(1 - 1 / (t + 1), alpha) if t >= 0 else 0
        )


def test_it_begins_as_a_copy_even_if_nothing_asks_for_labels():
    """As an average that is only tested (`evaluate`), also of weights from `load_from`."""
    model = build(dict(teacher=dict(type='Teacher', alpha=0.9)), **LIVE).double().train()
    model.load_state_dict(build(seed=1, **LIVE).state_dict(), strict=False)
    before = copy.deepcopy(model.objectives['teacher'].segmentor.state())
    _, (after,), (average,) = train(model, wrapper_of(model), range(1))
    for name, value in average.items():
        if value.is_floating_point():
            torch.testing.assert_close(value, (before[name] + after[name]) / 2, msg=name)


def test_it_moves_once_per_optimizer_step():
    model = model_with(alpha=0.6)
    _, _, teachers = train(model, wrapper_of(model, window=3, steps=7), range(7))
    weights = dict(model.named_parameters())  # of batch norms' averages it is still a first copy
    moved = [
        any(not torch.equal(after[name], before[name]) for name in before if name in weights)
        for before, after in zip(teachers, teachers[1:])
    ]
    assert moved == [False, True, False, False, True, True]
    assert model.objectives['teacher'].steps == 3


def test_objectives_share_one_forward_of_the_teacher_in_a_step():
    model = model_with(alpha=0.9)
    train(model, wrapper_of(model), range(2))
    teacher, calls = model.objectives['teacher'], []
    segment = teacher.average.segment
    teacher.average.segment = lambda *a, **k: calls.append(segment(*a, **k)) or calls[-1]
    before = copy.deepcopy(model.state_dict())
    data = model.data_preprocessor(batch(7, ('target', 'unlabeled'), count=2), training=True)
    inputs, samples, _, known = model._derive_domains(data['inputs'], data['data_samples'])
    (found,) = calls
    for name in ('by_first', 'by_second'):
        labels = torch.cat([sample.gt_sem_seg.data for sample in samples[name]])
        assert torch.equal(labels, found[1].argmax(dim=1))
    del teacher.average.segment
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name
    alone = teacher.average.eval()
    with torch.no_grad():
        assert torch.equal(alone._segment(data['inputs']['unlabeled'])[1], found[1])
    outputs = model._forward_domains(inputs, samples, known=known)
    for domain in (known, outputs):  # an objective may ask in its forward as well
        assert teacher.label(domain['unlabeled']) is known['unlabeled'].shared[teacher]


@pytest.mark.parametrize('done', [1, 2, 5])
def test_resuming_within_the_burn_in_or_after_it_is_bit_exact(done):
    values = dict(alpha=0.8, start=2, debias=0.5)
    whole = model_with(**values)
    train(whole, wrapper_of(whole, window=2), range(8))
    model = model_with(**values)
    wrapper = wrapper_of(model, window=2)
    train(model, wrapper, range(done))
    saved = copy.deepcopy((model.state_dict(), wrapper.state_dict()))
    model = model_with(seed=1, **values)
    assert model.objectives['teacher'].active is False  # known before the checkpoint is loaded
    wrapper = wrapper_of(model, window=2)
    model.load_state_dict(saved[0])
    wrapper.load_state_dict(saved[1])
    wrapper.initialize_count_status(model, done, 8)
    train(model, wrapper, range(done, 8))
    for name, value in whole.state_dict().items():
        assert torch.equal(model.state_dict()[name], value), name


@pytest.mark.parametrize('evaluate', ['student', 'teacher'])
def test_which_of_the_two_is_evaluated(evaluate):
    model = model_with(alpha=0.9, start=1, evaluate=evaluate)
    train(model, wrapper_of(model), range(1))
    first = copy.deepcopy(model.state_dict())
    assert evaluated_segmentor(model) is (model if evaluate == 'student' else own_average(model))
    train(model, wrapper_of(model), range(1, 4))
    model.eval()
    image, size = torch.randn(1, 3, 64, 96).double(), (64, 96)
    metas = [dict(img_shape=size, ori_shape=size, pad_shape=size)]
    average = own_average(model)
    chosen, other = (average, model) if evaluate == 'teacher' else (model, average)
    with torch.no_grad():
        got = model.encode_decode(image, metas)
        assert torch.equal(got, chosen._segment(image)[1])
        assert not torch.equal(got, other._segment(image)[1])
    model.load_state_dict(first)
    model.objectives['teacher'].steps.zero_()
    model.load_state_dict(model.state_dict())  # in its burn-in, the student is tested
    assert evaluated_segmentor(model) is model


@pytest.mark.parametrize('evaluate', ['student', 'teacher'])
def test_tools_that_load_a_checkpoint_predict_with_it_too(evaluate, tmp_path):
    model = model_with(alpha=0.9).float()
    train(model, wrapper_of(model), range(2))
    torch.save(model.state_dict(), tmp_path / 'file.pth')
    teacher = dict(type='Teacher', evaluate=evaluate)
    config = Config(dict(model=dict(MODEL, **LIVE, objectives=dict(teacher=teacher))))
    found = evaluated_segmentor(load_model(config, str(tmp_path / 'file.pth'))).state_dict()
    state = own_average(model).state_dict() if evaluate == 'teacher' else model.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in found.items())
    assert all(name.split('.')[0] != 'objectives' for name in found)


def test_a_test_refuses_a_checkpoint_without_the_teacher_that_would_predict(tmp_path):
    path = str(tmp_path / 'file.pth')
    cfg = Config(dict(load_from=path))
    torch.save(build(**LIVE).state_dict(), path)
    teacher = dict(type='Teacher')
    check_checkpoint(cfg, build(dict(teacher=teacher), **LIVE), 'test')
    model = build(dict(teacher=dict(teacher, evaluate='teacher')), **LIVE)
    with pytest.raises(JointError, match=r'lacks .*objectives\.teacher\.'):
        check_checkpoint(cfg, model, 'test')


def test_a_new_run_begins_with_the_burn_in():
    """From the weights of another run, with load_from; a resumed one goes on."""
    model = model_with(alpha=0.9, start=2, debias=0.5, prior='target')
    equal = torch.full((5,), 0.2, dtype=torch.float64)
    train(model, wrapper_of(model), range(4))
    teacher = model.objectives['teacher']
    shares = teacher.class_shares, teacher.prior_shares
    wrapper_of(model, done=4)
    assert teacher.active and teacher.steps == 4
    assert not any(torch.allclose(share, equal, atol=1e-4) for share in shares)
    wrapper_of(model)
    assert not teacher.active and teacher.steps == 0
    for share in shares:
        torch.testing.assert_close(share, equal)
    train(model, wrapper_of(model), range(2))
    assert teacher.active
    for name, value in own_average(model).state_dict().items():
        assert torch.equal(value, model.state_dict()[name]), name


@pytest.mark.parametrize('debias', [0.0, 0.5])
def test_padding_gets_no_label_and_does_not_count(debias):
    model = model_with(debias=debias)
    data = model.data_preprocessor(padded_batch(()), training=True)
    _, samples, _, known = model._derive_domains(data['inputs'], data['data_samples'])
    ((confidence, labels),) = known['unlabeled'].shared.values()
    padding = padding_of_batch()
    assert torch.equal(labels == 255, padding) and torch.equal(confidence == 0, padding)
    assert torch.equal(samples['by_first'][1].gt_sem_seg.data[0], labels[1])
    if debias:
        scores = own_average(model).segment(data['inputs']['unlabeled'], evaluate=True)[1]
        probabilities = scores.softmax(1).movedim(1, -1)[~padding]
        alpha = model.objectives['teacher'].alpha
        expected = alpha / len(probabilities[0]) + (1 - alpha) * probabilities.mean(0)
        torch.testing.assert_close(model.objectives['teacher'].class_shares, expected)


def own_average(model):
    return model.objectives['teacher'].average


def test_its_confidence_over_two_ranks(tmp_path, monkeypatch):
    model = model_with()
    data = batch(7, ('unlabeled',), count=2)
    data['inputs'][1] //= 8  # different images
    teacher, padding = model.objectives['teacher'], padding_of_batch()

    def domain_of(data, padding):
        inputs = model.data_preprocessor(copy.deepcopy(data), training=True)['inputs']
        return DomainInput(inputs['unlabeled'], None, lambda x: x, padding)

    threshold = teacher.label(domain_of(data, None))[0].median().item()

    def trust(over, chosen=slice(None)):
        part = {key: values[chosen] for key, values in data.items()}
        return teacher.trust(domain_of(part, padding[chosen]), threshold, over).flatten()

    images = trust('image')
    assert (images[0] - images[1]).abs() > 0.01
    together = (images[0] + images[1] / 4) / 1.25  # a quarter of the second one is no padding
    for of_rank in on_ranks(lambda rank: trust('batch', slice(rank, rank + 1)), tmp_path):
        torch.testing.assert_close(of_rank[0], together)
    model.eval()  # while a batch is inspected, no process waits for others
    monkeypatch.setattr(teacher_file, 'mean_of_all_ranks', None)
    torch.testing.assert_close(trust('batch')[0], together)


@pytest.mark.parametrize('share', [0.0, 0.5])
def test_its_confidence_is_a_share_of_the_pixels_without_padding(share):
    model, padding = model_with(), padding_of_batch()
    teacher, images = model.objectives['teacher'], torch.randn(2, 3, 64, 96).double()
    confidence = teacher.label(DomainInput(images, None, lambda x: x))[0]
    # that of a pixel, which counts as confident
    threshold = confidence[~padding].median() if share else 0.0
    wanted = (confidence >= threshold) & ~padding

    def trust(over, padding=padding):
        return teacher.trust(DomainInput(images, None, lambda x: x, padding), threshold, over)

    assert torch.equal(trust('pixel').bool(), wanted)
    shares = [own[~pad].double().mean() for own, pad in zip(wanted, padding)]
    torch.testing.assert_close(trust('image').flatten(), torch.stack(shares))
    torch.testing.assert_close(trust('batch')[0, 0, 0], wanted[~padding].double().mean())
    assert not trust('image', torch.ones_like(padding)).any()


def debiased_labels(model, data):
    inputs = model.data_preprocessor(copy.deepcopy(data), training=True)['inputs']
    found = DomainInput(inputs['unlabeled'], None, lambda x: x)
    return model.objectives['teacher'].label(found), inputs['unlabeled']


@pytest.mark.parametrize('debias', [0.0, 0.4, 1.0])
def test_rare_classes_are_labeled_more_often(debias):
    model = model_with(alpha=0.6, debias=debias)
    teacher = model.objectives['teacher']
    wrapper, shares = wrapper_of(model), torch.full((5,), 0.2, dtype=torch.float64)
    if debias:
        torch.testing.assert_close(teacher.class_shares, shares)
    for number in range(3):
        train(model, wrapper, [number])
        if debias:
            shares = teacher.class_shares.clone()
        (confidence, labels), images = debiased_labels(model, batch(7, ('unlabeled',), count=2))
        with torch.no_grad():
            scores = own_average(model).eval()._segment(images)[1]
        model.train()
        shares = 0.6 * shares + 0.4 * scores.softmax(1).mean((0, 2, 3))
        p = torch.stack([scores[:, c] - debias * shares[c].log() for c in range(5)], 1).softmax(1)
        torch.testing.assert_close(confidence, p.amax(1))
        assert torch.equal(labels, p.argmax(1))
        if debias:
            torch.testing.assert_close(teacher.class_shares, shares)
            biased = scores.argmax(1)
            assert (labels != biased).any()
            # where they differ, a rarer class has taken a more frequent one's place
            assert (shares[labels] < shares[biased])[labels != biased].all()
    assert ('objectives.teacher.class_shares' in model.state_dict()) == bool(debias)
    before = copy.deepcopy(model.state_dict())
    debiased_labels(model.eval(), batch(8, ('unlabeled',)))  # a batch is inspected
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_a_class_that_is_never_probable_leaves_labels_finite():
    model = model_with(alpha=0.0, debias=1.0, start=1)
    train(model, wrapper_of(model), range(2))
    average = own_average(model)
    segment = average.segment

    def without_a_class(*args, **kwargs):
        features, scores = segment(*args, **kwargs)
        return features, scores - 1e4 * (torch.arange(5) == 0).view(-1, 1, 1)

    average.segment = without_a_class
    (confidence, labels), _ = debiased_labels(model, batch(7, ('unlabeled',)))
    assert model.objectives['teacher'].class_shares[0] == 0
    assert torch.isfinite(confidence).all()
    assert (labels != 0).all()


@pytest.mark.parametrize('power', [1.0, 0.4])
def test_labels_are_pulled_toward_the_shares_of_a_labeled_domain(power):
    model = model_with(alpha=0.6, debias=0.7, prior='target', prior_power=power, start=1)
    teacher, wrapper = model.objectives['teacher'], wrapper_of(model)
    q = torch.full((5,), 0.2).double()
    p_hat = q.clone()
    ignored = False
    for number in range(4):
        data = batch(number, ('target', 'unlabeled'), count=2)
        truth = torch.stack([x.gt_sem_seg.data for x in data['data_samples'][:2]])
        known = truth[truth < 5]
        ignored |= len(known) < truth.numel()
        kept = min(1 - 1 / (number + 2), 0.6)
        q = kept * q + (1 - kept) * torch.stack([(known == c).double().mean() for c in range(5)])
        train(model, wrapper, [number])
        torch.testing.assert_close(teacher.prior_shares, q)
        if number:  # two of the objectives have asked, once per step
            p_hat = teacher.class_shares.clone()
        (confidence, labels), images = debiased_labels(model, batch(7, ('unlabeled',), count=2))
        with torch.no_grad():
            scores = own_average(model).eval()._segment(images)[1]
        model.train()
        kept = min(1 - 1 / (number + 1), 0.6)
        p_hat = kept * p_hat + (1 - kept) * scores.softmax(1).mean((0, 2, 3))
        torch.testing.assert_close(teacher.class_shares, p_hat)
        offset = torch.stack([0.7 * (p_hat[c] / q[c] ** power).log() for c in range(5)])
        p = (scores - offset.view(1, 5, 1, 1)).softmax(1)
        torch.testing.assert_close(confidence, p.amax(1))
        assert torch.equal(labels, p.argmax(1))
    assert ignored
    before = copy.deepcopy(model.state_dict())
    data = model.eval().data_preprocessor(batch(9, ('target', 'unlabeled')), training=True)
    model.inspect_batch(data['inputs'], data['data_samples'])  # a batch is inspected
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_ignored_labels_count_for_no_class_of_the_prior():
    model = model_with(debias=1.0, prior='target', alpha=0.5)
    teacher = model.objectives['teacher']
    teacher.ignore_index = 3
    for labels, expected in (
        (torch.full((1, 4, 4), 255, dtype=torch.uint8), [0.2] * 5),  # no label at all
        (torch.tensor([[[0, 1, 3, 255, -1]]]), [0.35, 0.35, 0.1, 0.1, 0.1]),
    ):
        images = torch.zeros(1, 3, *labels.shape[1:])
        teacher.derive({'target': DomainInput(images, labels, id)})
        assert teacher.prior_shares.tolist() == pytest.approx(expected)


def test_the_teacher_knows_the_heads_ignore_index():
    head = dict(MODEL.decode_head, ignore_index=4)
    teacher = dict(type='Teacher', debias=0.5, prior='target')
    assert build(dict(teacher=teacher), decode_head=head).objectives['teacher'].ignore_index == 4


def test_class_shares_over_two_ranks_are_those_of_one_process(tmp_path):
    data = batch(7, ('unlabeled',), count=2)
    data['inputs'][1] //= 8  # different images

    truth = torch.tensor([[[0, 1], [255, 255]], [[2, 2], [2, 0]]])  # not equally many labels

    def shares_after(chosen=slice(None)):
        model = model_with(debias=0.5, alpha=0.5, prior='target')
        teacher, labels = model.objectives['teacher'], truth[chosen]
        teacher.derive({'target': DomainInput(torch.zeros(len(labels), 3, 2, 2), labels, id)})
        debiased_labels(model, {key: values[chosen] for key, values in data.items()})
        return torch.stack([teacher.class_shares, teacher.prior_shares])

    def work(rank):
        return shares_after(slice(rank, rank + 1))

    alone = shares_after()
    assert ((alone - 0.2).abs().amax(dim=1) > 1e-3).all()
    for of_rank in on_ranks(work, tmp_path):
        torch.testing.assert_close(of_rank, alone)


def test_what_it_shows():
    model = model_with()
    data = model.data_preprocessor(batch(7, ('target', 'unlabeled'), count=2), training=True)
    with torch.no_grad():
        _, shown = model.eval().inspect_batch(data['inputs'], data['data_samples'])
        p = own_average(model)._segment(data['inputs']['unlabeled'])[1].softmax(1)
    assert torch.equal(shown['unlabeled']['teacher: pseudo-label'], p.argmax(1))
    torch.testing.assert_close(shown['unlabeled']['teacher: confidence'], p.amax(1))
    assert 'teacher: pseudo-label' not in shown['target']
    with torch.no_grad():
        _, shown = model_with(start=1).eval().inspect_batch(**data)  # in its burn-in
    assert not any(shown.values())


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        (dict(alpha=1.0), r'Teacher\.alpha is 1\.0: choose at least 0 and below 1\.'),
        (dict(alpha=-0.1), r'Teacher\.alpha is -0\.1'),
        (dict(start=-1), r'Teacher\.start is -1: give a whole number from 0\.'),
        (dict(start=1.5), r'Teacher\.start is 1\.5'),
        (dict(debias=1.5), r'Teacher\.debias is 1\.5: choose a number from 0 to 1\.'),
        (dict(prior_power=2), r'Teacher\.prior_power is 2: choose a number from 0 to 1\.'),
        (dict(prior='target'), r"Teacher\.prior is 'target', which debias=0 leaves unused"),
        (dict(evaluate='both'), r'Teacher\.evaluate is .both.: choose one of student, teacher\.'),
    ],
)
def test_refusals(values, message):
    with pytest.raises(JointError, match=message):
        model_with(**values)


@pytest.mark.parametrize('others', [{}, dict(teacher=dict(type=Asks, name='other'))])
def test_a_missing_teacher(others):
    model = build(dict(asks=dict(type=Asks), **others))
    data = model.data_preprocessor(batch(domains=('target', 'unlabeled')), training=True)
    with pytest.raises(
        JointError, match=r'Asks\.teacher is "teacher", .* no Teacher .* add teacher='
    ):
        model.loss(**data)
