"""Whether a domain is labeled is a property of its dataset, not of its name."""

from __future__ import annotations

import pytest
import torch
from mmseg.registry import DATASETS

from mmseg_joint.errors import JointError
from mmseg_joint.models.objectives import DerivedDomain, Objective, ObjectiveResult
from tests.tiny import batch, build


class TwoViews(Objective):
    """Squared distance of two views' outputs, and of an unlabeled view that it makes itself."""

    domains = ('weak', 'strong')
    output_domains = ('strong', 'flipped')

    def derive(self, domains):
        weak, strong = domains['weak'], domains['strong']
        assert weak.labels is None and strong.labels is None
        assert domains['target'].labels is not None
        return {'flipped': DerivedDomain(weak.unit_images.flip(-1))}

    def forward(self, outputs):
        difference = outputs['flipped'].logits.flip(-1) - outputs['strong'].logits
        return ObjectiveResult({'loss_difference': difference.square().mean()})


def data_of(model, domains=('target', 'weak', 'strong'), **marks):
    data = batch(domains=domains)
    for sample in data['data_samples']:
        if sample.domain in marks:
            sample.set_metainfo({'labeled': marks[sample.domain]})
    return model.data_preprocessor(data, training=True)


def test_two_unlabeled_views_have_no_supervised_loss():
    """Their labels are in the batch, and are not read."""
    model = build(dict(views=dict(type=TwoViews))).double()
    data = data_of(model, weak=False, strong=False)
    forwards = []
    model.backbone.register_forward_hook(lambda net, args, result: forwards.append(len(args[0])))
    losses = model.loss(**data)
    assert set(losses) == {
        'target.decode.loss_ce',
        'target.decode.acc_seg',
        'views.loss_difference',
    }
    assert forwards == [3]  # weak images only serve to make others: they are not run
    flipped, strong = (
        model.segment(images)[1]
        for images in (data['inputs']['weak'].flip(-1), data['inputs']['strong'])
    )
    expected = (flipped.flip(-1) - strong).square().mean()
    torch.testing.assert_close(losses['views.loss_difference'], expected, rtol=1e-9, atol=1e-12)
    weights = list(model.parameters())
    for ours, theirs in zip(
        torch.autograd.grad(losses['views.loss_difference'], weights),
        torch.autograd.grad(expected, weights),
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-12)
    with torch.no_grad():
        outputs, _ = model.inspect_batch(**data)  # here everything is shown
    assert list(outputs) == ['target', 'weak', 'strong', 'flipped']


def test_the_name_unlabeled_has_no_labels_and_any_other_has():
    model = build()
    losses = model.loss(**data_of(model, ('target', 'unlabeled', 'other')))
    assert {name.split('.')[0] for name in losses} == {'target', 'other'}


def test_a_missing_label_is_refused_unless_the_dataset_has_none():
    model = build()
    data = data_of(model, ('target', 'other'), other=True)
    del data['data_samples']['other'][0].gt_sem_seg
    with pytest.raises(JointError, match=r'"other" has no label: .* put .* into Unlabeled\.'):
        model.loss(**data)
    data['data_samples']['other'][0].set_metainfo({'labeled': False})
    assert 'target.decode.loss_ce' in model.loss(**data)


class ReadsLabels(Objective):
    domains = ('unlabeled',)

    def forward(self, outputs):
        return ObjectiveResult({'loss_mean': outputs['unlabeled'].truth.double().mean()})


def test_an_objective_that_reads_labels_where_there_are_none_is_refused():
    model = build(dict(reads=dict(type=ReadsLabels)))
    with pytest.raises(JointError, match='needs labels, but reads a domain that has none'):
        model.loss(**data_of(model, ('target', 'unlabeled')))


def test_the_dataset_tells_the_model(tmp_path, write_gta, pipeline):
    write_gta(tmp_path)
    city = {'type': 'GTADataset', 'data_root': str(tmp_path)}
    city['pipeline'] = pipeline('LoadMappedAnnotations')
    bare = {'type': 'Unlabeled', 'dataset': city}
    domains = dict(source=city, weak=bare, strong=[bare, bare], unlabeled=city)
    joint = DATASETS.build({'type': 'JointDataset', 'domains': domains})
    firsts, samples = [0, 3, 6, 12], []
    for first in firsts:
        samples.append(joint[first]['data_samples'])
    assert [sample.domain for sample in samples] == list(domains)
    assert [sample.labeled for sample in samples] == [True, False, False, False]
    assert ['gt_sem_seg' in sample for sample in samples] == [True, False, False, False]


class Makes(Objective):
    def __init__(self, name='made', needs='source'):
        super().__init__()
        self.name, self.domains = name, (needs,)

    def derive(self, domains):
        return {self.name: (domains[self.domains[0]].unit_images, None, None)}

    def forward(self, outputs):
        return ObjectiveResult({})


@pytest.mark.parametrize(
    ('objectives', 'message'),
    [
        (dict(a=dict(type=Makes, needs='gone')), r'objectives\.a needs the domain "gone", but'),
        (dict(a=dict(type=Makes, name='target')), r'objectives\.a makes the domain "target", but'),
        (dict(a=dict(type=Makes), b=dict(type=Makes)), r'objectives\.b makes the domain "made"'),
    ],
)
def test_domains_that_cannot_be_made_are_refused_in_one_sentence(objectives, message):
    model = build(objectives)
    with pytest.raises(JointError, match=message):
        model.loss(**data_of(model, ('source', 'target')))


def test_an_objective_may_use_what_one_before_it_made():
    kind = type('MakesToo', (Makes,), {})
    model = build(dict(a=dict(type=Makes), b=dict(type=kind, name='again', needs='made')))
    data = data_of(model, ('source', 'target'))
    inputs, samples, weights, _ = model._derive_domains(data['inputs'], data['data_samples'])
    assert list(inputs) == ['source', 'target', 'made', 'again'] and weights == {}
    torch.testing.assert_close(inputs['again'], inputs['source'], rtol=1e-4, atol=1e-4)
    assert not samples['again'][0].labeled and samples['again'][0].domain == 'again'
