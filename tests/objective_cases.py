"""Every objective at a size for a test, with the model that it needs and the batch it reads."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import torch
from mmseg.registry import MODELS, OPTIM_WRAPPER_CONSTRUCTORS

from mmseg_joint.models.objectives import Objective
from tests.tiny import ADAM, CLASSES, GAN, WEIGHTING, batch, build

SGD = dict(optimizer=dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=5e-4))
BACKBONE = dict(
    type='DeepLabResNet',
    depth=18,
    base_channels=4,
    stem_channels=4,
    strides=(1, 2, 1, 1),
    dilations=(1, 1, 2, 4),
    norm_cfg=dict(type='BN', requires_grad=True),
    norm_eval=False,
    zero_init_residual=False,
)
HEAD = dict(
    type='DeepLabV2Head',
    in_channels=32,
    in_index=3,
    num_classes=CLASSES,
    align_corners=True,
    loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
)
DEEPLAB = dict(backbone=BACKBONE, decode_head=HEAD)
TWO_LEVELS = dict(DEEPLAB, auxiliary_head=dict(HEAD, in_channels=16, in_index=2))
PATCHES = dict(channels=(4, 4, 4, 4))
JOINT = ('source', 'target')
WITH_UNLABELED = ('source', 'target', 'unlabeled')


class Case(NamedTuple):
    """Args: objective's config; domains of the batch; the model's changes; has networks; others."""

    objective: dict[str, Any]
    domains: tuple[str, ...] = JOINT
    model: dict[str, Any] | None = None
    networks: bool = True
    others: dict[str, Any] | None = None

    def build(self, **changes: Any) -> torch.nn.Module:
        objectives = {**(self.others or {}), 'tested': self.objective}
        return build(objectives, **{**(self.model or {}), **changes})

    def batch(self, seed: int = 0, **kwargs: Any) -> dict:
        return batch(seed, domains=self.domains, **kwargs)

    def optim_wrapper(self, model: torch.nn.Module, **values: Any) -> Any:
        config = dict(segmentor=copy.deepcopy(SGD if self.model else ADAM), **values)
        if self.networks:
            config['tested'] = copy.deepcopy(ADAM)
        return OPTIM_WRAPPER_CONSTRUCTORS.get('JointOptimWrapperConstructor')(config)(model)


CASES = {
    'hrs_weighting': Case(dict(WEIGHTING)),
    'hrs_unit_mean': Case(dict(WEIGHTING, per_class=False, unit_mean=True)),
    # one label for all, so that devices do not draw different ones
    'hrs_gan': Case(dict(GAN, real_label=(0.9, 0.9), fake_label=(0.1, 0.1))),
    'focal': Case(dict(type='FocalWeighting'), networks=False),
    'confidence_mask': Case(dict(type='ConfidenceMask', threshold=0.25), networks=False),
    'pixelda': Case(
        dict(
            type='PixelDA',
            generator=dict(channels=4, num_blocks=2, noise_size=(4, 6)),
            discriminator=dict(
                channels=(4, 4, 4, 4), dropout_ratio=0.0, input_noise=0.0, hidden_noise=0.0
            ),
            task_weight=0.5,
        )
    ),
    'ga': Case(
        dict(type='OutputAdversarial', weight=0.5, discriminator=PATCHES), WITH_UNLABELED, DEEPLAB
    ),
    'adaptsegnet_two_levels': Case(
        dict(
            type='OutputAdversarial',
            align='target',
            gan='ls',
            input='self_information',
            levels=2,
            weight=0.5,
            discriminator=PATCHES,
        ),
        ('source', 'unlabeled'),
        TWO_LEVELS,
    ),
    'csa': Case(
        dict(
            type='SemanticAdversarial',
            discriminator=dict(in_channels=32, mode='conv', channels=8),
            weight=0.5,
        ),
        JOINT,
        DEEPLAB,
    ),
    'fcsa': Case(
        dict(
            type='SemanticAdversarial',
            discriminator=dict(in_channels=32, mode='fc', channels=8),
            weight=0.5,
        ),
        JOINT,
        DEEPLAB,
    ),
    'hung': Case(
        dict(
            type='SemiSupervisedAdversarial',
            start=0,
            threshold=0.45,
            weight=0.5,
            unlabeled_weight=0.5,
            discriminator=PATCHES,
        ),
        ('target', 'unlabeled'),
        DEEPLAB,
    ),
    'max_square': Case(
        dict(type='TargetRegularization', weight=1.0), WITH_UNLABELED, DEEPLAB, networks=False
    ),
    'max_square_image_wise_guided': Case(
        dict(
            type='TargetRegularization',
            loss=dict(type='MaxSquareLoss', image_wise=True),
            weight=1.0,
            guidance=True,
            threshold=0.3,
        ),
        WITH_UNLABELED,
        TWO_LEVELS,
        networks=False,
    ),
    'lsd': Case(
        dict(
            type='LearningFromSyntheticData',
            generator=dict(in_channels=(6, 8, 8), channels=(4, 6, 4, 3, 2), dropout_ratio=0.0),
            discriminator=dict(channels=4, num_blocks=1, dropout_ratio=0.0),
            encoder_domain_weight=0.5,
            reconstruction_weight=1.0,
        ),
        ('source', 'unlabeled'),
    ),
    'road': Case(
        dict(
            type='SpatialAdversarial',
            in_channels=32,
            grid=(2, 3),
            classifier=dict(channels=(4, 4)),
            weight=0.01,
        ),
        ('source', 'unlabeled'),
        DEEPLAB,
    ),
    'conservative': Case(
        dict(type='ConservativeLoss', weight=0.5), ('source', 'unlabeled'), networks=False
    ),
    'cross_domain_gan': Case(
        dict(
            type='CrossDomainGAN',
            generator=dict(in_channels=(6, 8, 8), channels=(4, 6, 4, 3, 2), dropout_ratio=0.0),
            discriminator=dict(channels=(4, 4)),
            encoder_weight=0.5,
        ),
        ('source', 'unlabeled'),
    ),
    'translation': Case(
        dict(
            type='CycleTranslation',
            generator=dict(channels=(3, 4, 5), num_blocks=1),
            discriminator=dict(channels=(3, 4, 5, 6)),
            perceptual_cycle_weight=0.1,
            pool_size=0,  # a pool holds images of one size
        ),
        ('source', 'unlabeled'),
        DEEPLAB,
    ),
    'teacher': Case(dict(type='Teacher', alpha=0.9), JOINT, DEEPLAB, networks=False),
    'class_mix': Case(
        dict(type='ClassMix', from_domains=JOINT, threshold=0.25),
        WITH_UNLABELED,
        DEEPLAB,
        networks=False,
        others=dict(teacher=dict(type='Teacher', alpha=0.9)),
    ),
    'consistency_mix': Case(
        dict(type='ConsistencyMix', threshold=0.25, views=2),
        WITH_UNLABELED,
        DEEPLAB,
        networks=False,
        others=dict(teacher=dict(type='Teacher', alpha=0.9)),
    ),
    'masked_consistency': Case(
        dict(type='MaskedConsistency', threshold=0.25),
        WITH_UNLABELED,
        DEEPLAB,
        networks=False,
        others=dict(teacher=dict(type='Teacher', alpha=0.9)),
    ),
    'rectangle_mix': Case(dict(type='RectangleMix'), JOINT, DEEPLAB, networks=False),
    'feature_distance': Case(
        dict(type='FeatureDistance', classes=(0, 1), purity=0.2), JOINT, DEEPLAB, networks=False
    ),
    'entropy': Case(
        dict(type='TargetRegularization', loss=dict(type='EntropyLoss'), weight=1.0),
        WITH_UNLABELED,
        DEEPLAB,
        networks=False,
    ),
}


def objectives_without_case() -> set[str]:
    """Return the registered objectives that no case covers."""
    known = {
        name
        for name, kind in MODELS.module_dict.items()
        if isinstance(kind, type)
        and issubclass(kind, Objective)
        and kind.__module__.startswith('mmseg_joint.')
    }
    return known - {case.objective['type'] for case in CASES.values()}
