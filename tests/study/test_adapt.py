"""Objectives are fitted to the model and to the length of its training."""

from __future__ import annotations

import pytest

from mmseg_joint.study.adapt import Outputs, adapt


@pytest.mark.parametrize(
    ('iterations', 'start', 'alpha'), [(4999, 1249, 0.99), (5000, 1250, 0.999)]
)
def test_a_teacher_is_used_after_a_quarter_of_the_training(iterations, start, alpha):
    objectives = {'teacher': dict(type='Teacher', alpha=0.5)}
    (said,) = adapt(objectives, Outputs(256, 32, 1), iterations, ['target'])
    assert objectives == {'teacher': dict(type='Teacher', start=start, alpha=alpha)}
    assert said == f'teacher: begins after {start} iterations, alpha={alpha}.'


def fitted(*outputs):
    objectives = dict(
        weighting=dict(type='HierarchicalWeighting', network=dict(kernel=3)),
        gan=dict(type='ReconstructionGAN', generator={}, discriminator={}),
        sa=dict(type='SemanticAdversarial', discriminator=dict(in_channels=8)),
    )
    said = ' '.join(adapt(objectives, Outputs(*outputs), 100, ['source', 'target']))
    return objectives, said.count('a quarter as wide')


def test_networks_are_as_wide_as_in_the_papers_for_a_large_model():
    objectives, narrow = fitted(64, 16, 20_000_000)
    gan, sa = objectives['gan'], objectives['sa']
    assert objectives['weighting']['network'] == dict(kernel=3)
    assert gan['generator'] == dict(in_channels=64, feature_stride=16)
    assert gan['discriminator'] == {}
    assert sa['discriminator'] == dict(in_channels=64)
    assert gan['feature_index'] == sa['feature_index'] == -1
    assert narrow == 0


def test_networks_of_a_small_model_are_a_quarter_as_wide_but_no_narrower_than_8():
    objectives, narrow = fitted(64, 16, 19_999_999)
    network, gan = objectives['weighting']['network'], objectives['gan']
    assert network == dict(kernel=3, channels=(16, 32, 64, 128))
    assert gan['generator'] == dict(
        in_channels=64, feature_stride=16, channels=(64, 32, 16, 8, 8, 8), block_channels=16
    )
    assert gan['discriminator'] == dict(channels=(16, 32, 64, 128, 128, 128))
    assert narrow == 2
    assert fitted(20, 16, 1)[0]['gan']['generator']['block_channels'] == 8
