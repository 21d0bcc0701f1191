"""Objectives show what their losses, weights and logged values are computed from."""

from __future__ import annotations

import pytest
import torch
from mmseg.registry import MODELS

from mmseg_joint.models.objectives import Objective
from tests.tiny import CLASSES, GAN, HRS, WEIGHTING, batch, build

NARROW = dict(channels=(4, 4, 4, 4))
AUXILIARY = dict(
    type='FCNHead',
    in_channels=8,
    in_index=2,
    channels=8,
    num_convs=1,
    concat_input=False,
    num_classes=CLASSES,
)
SEMANTIC = dict(
    type='SemanticAdversarial', discriminator=dict(in_channels=8, channels=8), feature_index=3
)
CONFIGS = {
    'weighting': WEIGHTING,
    'gan': GAN,
    'ga': dict(type='OutputAdversarial', levels=2, discriminator=NARROW),
    'ga_ls': dict(type='OutputAdversarial', gan='ls', target='target', discriminator=NARROW),
    'csa': dict(SEMANTIC, discriminator=dict(SEMANTIC['discriminator'], mode='conv')),
    'fcsa': dict(SEMANTIC, discriminator=dict(SEMANTIC['discriminator'], mode='fc')),
    'mask': dict(type='ConfidenceMask', threshold=0.9),
    'focal': dict(type='FocalWeighting'),
    'semi': dict(type='SemiSupervisedAdversarial', threshold=0.5, discriminator=NARROW),
    'squares': dict(type='TargetRegularization'),
    'guidance': dict(type='TargetRegularization', guidance=True, threshold=0.9),
    'pixelda': dict(
        type='PixelDA',
        generator=dict(channels=4, num_blocks=1),
        discriminator=dict(channels=(4, 4)),
    ),
    'lsd': dict(
        type='LearningFromSyntheticData',
        generator=dict(in_channels=(6, 8, 8), channels=(4, 6, 4, 3, 2)),
        discriminator=dict(channels=4, num_blocks=1),
    ),
    'translation': dict(
        type='CycleTranslation',
        generator=dict(channels=(3, 4, 5), num_blocks=1),
        discriminator=dict(channels=(3, 4, 5, 6)),
        pool_size=0,
    ),
    'road': dict(
        type='SpatialAdversarial',
        in_channels=8,
        feature_index=2,
        grid=(2, 2),
        classifier=dict(channels=(4,)),
    ),
    'cross_domain_gan': dict(
        type='CrossDomainGAN',
        generator=dict(in_channels=(6, 8, 8), channels=(4, 6, 4, 3, 2)),
        discriminator=dict(channels=(4, 4)),
    ),
}
SHOWN = {
    'road': {domain: ['says target'] for domain in ('source', 'unlabeled')},
    'cross_domain_gan': {domain: ['reconstructed'] for domain in ('source', 'unlabeled')},
    'lsd': {
        domain: ['reconstructed', f'D says {domain}: reconstructed', f'D says {domain}: image']
        for domain in ('source', 'unlabeled')
    },
    'translation': {domain: ['translated'] for domain in ('source', 'unlabeled')},
    'weighting': {'source': ['weight H', 'pixel level', 'region level', 'image level']},
    'gan': {
        'source': ['reconstructed', 'D says real: reconstructed'],
        'target': ['reconstructed', 'D says real: image'],
    },
    'ga': {
        domain: ['D says target', 'D says target (auxiliary)'] for domain in ('source', 'unlabeled')
    },
    'ga_ls': {domain: ['D says target'] for domain in ('source', 'target')},
    'csa': {domain: ['D says target'] for domain in ('source', 'target')},
    'fcsa': {},
    'mask': {'source': ['trained on']},
    'focal': {'source': ['weight']},
    'semi': {'target': ['D says truth'], 'unlabeled': ['D says truth', 'pseudo-label']},
    'squares': {},
    'guidance': {'unlabeled': ['pseudo-label']},
    'pixelda': {
        'source': ['translated'],
        'translated': ['D says real'],
        'target': ['D says real'],
    },
}


@pytest.fixture
def inspection():
    """A model with one objective: its outputs, what it shows, what it computes; the objective."""

    def run(name):
        needs_head = name in ('ga', 'guidance')
        model = build({name: CONFIGS[name]}, auxiliary_head=AUXILIARY if needs_head else None)
        torch.manual_seed(3)
        heads = [model.decode_head.conv_seg, model.decode_head.score_pool3]
        for layer in [*heads, *([model.auxiliary_head.conv_seg] if needs_head else [])]:
            torch.nn.init.normal_(layer.weight, std=2.0)
        for module in model.objectives.modules():
            if isinstance(module, torch.nn.Conv2d):
                torch.nn.init.normal_(module.weight, std=0.3)
        model.eval()
        data = batch(domains=('source', 'target', 'unlabeled'), size=(67, 90), count=2)
        data = model.data_preprocessor(data, training=True)
        before = {key: value.clone() for key, value in model.state_dict().items()}
        with torch.no_grad():
            torch.manual_seed(4)
            outputs, shown = model.inspect_batch(**data)
            result = model.objectives[name](outputs)
        assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
        shown = {
            domain: {key.removeprefix(f'{name}: '): value for key, value in maps.items()}
            for domain, maps in shown.items()
        }
        return outputs, shown, result, model.objectives[name]

    return run


def test_every_objective_that_shows_something_is_covered():
    showing = {
        key
        for key, value in MODELS.module_dict.items()
        if isinstance(value, type)
        and issubclass(value, Objective)
        and value.__module__.startswith('mmseg_joint.')
        and value.visualize is not Objective.visualize  # a mix is shown as the domain that it is
    }
    here = {config['type'] for config in CONFIGS.values()}
    assert showing == here | {'Teacher'}  # covered in test_teacher.py


@pytest.mark.parametrize('name', CONFIGS)
def test_what_is_shown_can_be_drawn(inspection, name):
    outputs, shown, *_ = inspection(name)
    assert {domain: list(maps) for domain, maps in shown.items() if maps} == SHOWN[name]
    for domain, maps in shown.items():
        for title, value in maps.items():
            assert len(value) == len(outputs[domain].inputs)
            if title in ('reconstructed', 'translated'):
                assert value.shape == outputs[domain].inputs.shape
                assert value.min() >= -1 and value.max() <= 1
            elif title == 'pseudo-label':
                assert set(value.unique().tolist()) <= set(range(-1, CLASSES))
            else:
                known = value[~value.isnan()]
                assert value.ndim == 3 and known.min() >= 0 and known.max() <= 1
                assert known.min() < known.max()


def size_of(output):
    return output.inputs.shape[2:]


MADE = {  # what each domain's images are made into
    'gan': lambda own, output, domain: own.generator(output.features[3], size_of(output)),
    'cross_domain_gan': lambda own, output, domain: (
        2 * own.generator([output.features[i] for i in (1, 2, 4)], size_of(output)) - 1
    ),
    'translation': lambda own, output, domain: own.generators[
        'target' if domain == 'source' else 'source'
    ](output.unit_images),
}


@pytest.mark.parametrize('name', MADE)
def test_images_are_made_of_the_domains_own(inspection, name):
    outputs, shown, _, own = inspection(name)
    for domain, (title, *_) in SHOWN[name].items():
        with torch.no_grad():
            wanted = MADE[name](own, outputs[domain], domain)
        torch.testing.assert_close(shown[domain][title], wanted)


def test_translated_images_are_those_of_the_step(inspection):
    outputs, shown, *_ = inspection('pixelda')
    assert torch.equal(shown['source']['translated'], outputs['translated'].unit_images)


@pytest.mark.parametrize(
    'name, title', [('weighting', 'weight H'), ('mask', 'trained on'), ('focal', 'weight')]
)
def test_weights_are_those_of_training_where_there_is_a_label(inspection, name, title):
    outputs, shown, result, _ = inspection(name)
    ignored = outputs['source'].labels == 255
    weights = shown['source'][title]
    assert torch.equal(weights.isnan(), ignored)
    torch.testing.assert_close(weights[~ignored], result.pixel_weights['source'][~ignored])


def test_the_weight_is_the_mean_of_the_levels(inspection):
    _, shown, *_ = inspection('weighting')
    total, *levels = shown['source'].values()
    torch.testing.assert_close(torch.stack(levels).mean(dim=0), total, equal_nan=True)


def share(values, above):
    """Share of a map on one side of ½, as the log has it."""
    return ((values >= 0.5) if above else (values < 0.5)).double().mean().item()


@pytest.mark.parametrize(
    'name, value, domain, title, above',
    [
        ('gan', 'accuracy_real', 'target', 'D says real: image', True),
        ('gan', 'accuracy_fake', 'source', 'D says real: reconstructed', False),
        ('ga', 'accuracy_source', 'source', 'D says target', False),
        ('ga', 'accuracy_target_auxiliary', 'unlabeled', 'D says target (auxiliary)', True),
        ('ga_ls', 'accuracy_target', 'target', 'D says target', True),
        ('pixelda', 'accuracy_real', 'target', 'D says real', True),
        ('pixelda', 'accuracy_fake', 'translated', 'D says real', False),
        ('semi', 'trusted_share', 'unlabeled', 'D says truth', True),
    ],
)
def test_discriminators_maps_give_the_logged_accuracy(
    inspection, name, value, domain, title, above
):
    _, shown, result, _ = inspection(name)
    assert share(shown[domain][title], above) == pytest.approx(result.losses[value].item())


def test_pseudo_labels_cover_what_is_logged(inspection):
    for name, value in (('semi', 'trusted_share'), ('guidance', 'confident_share')):
        outputs, shown, result, _ = inspection(name)
        labels = shown['unlabeled']['pseudo-label']
        covered = (labels >= 0).double().mean()
        assert covered.item() == pytest.approx(result.losses[value].item())
        assert 0 < covered < 1
        if name == 'semi':
            most_probable = outputs['unlabeled'].logits.argmax(dim=1)
            assert torch.equal(labels[labels >= 0], most_probable[labels >= 0])


def test_csa_shows_its_discriminators_confidence_in_the_domain(inspection):
    outputs, shown, *_ = inspection('csa')
    for domain in ('source', 'target'):
        assert shown[domain]['D says target'].shape[-2:] == outputs[domain].features[3].shape[-2:]
    model = build({'csa': CONFIGS['csa']})
    objective = model.objectives['csa']
    logits = torch.zeros(1, 2 * CLASSES, 1, 1)
    logits[0, CLASSES] = 30.0  # confident in the target
    objective.discriminator.forward = lambda features: logits
    maps = objective.visualize({domain: outputs[domain] for domain in ('source', 'target')})
    assert maps['source']['D says target'].item() == pytest.approx(1)


@pytest.mark.parametrize(('weight', 'shown_as'), [(0.25, 0.25), (3.0, 1.0)])
def test_pixel_weights_of_a_made_domain_are_shown_up_to_1(weight, shown_as):
    model = build(dict(pixelda=dict(CONFIGS['pixelda'], task_weight=weight))).eval()
    with torch.no_grad():
        _, shown = model.inspect_batch(**model.data_preprocessor(batch(), training=True))
    assert (shown['translated']['pixel weight'] == shown_as).all()


def test_maps_are_named_after_their_objective():
    model = build(HRS).eval()
    data = model.data_preprocessor(batch(), training=True)
    with torch.no_grad():
        _, shown = model.inspect_batch(**data)
    assert next(iter(shown['source'])) == 'weighting: weight H'
    assert list(shown['target']) == ['gan: reconstructed', 'gan: D says real: image']
