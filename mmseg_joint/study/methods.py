from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import NamedTuple

from mmseg_joint.errors import JointError


class Part(NamedTuple):
    """An objective of a method, and where the project's bases describe it."""

    name: str  #: its name in `model.objectives`
    file: str  #: the file in `configs/_base_/objectives`, without suffix
    variable: str  #: its config in that file, like `strong.class_mix` for one in a dict
    optimizer: str | None = None  #: its networks' optimizers in that file, if any


class Second(NamedTuple):
    """The last third of a training in two stages, from the weights of the first two."""

    name: str  #: its name, and that of its folder
    domains: tuple[str, ...]  #: domains that it trains on
    first: str = 'joint'  #: name of the stage before it
    #: domains that the stage before it trains on, without objectives
    first_domains: tuple[str, ...] = ('source', 'target')


@dataclass(frozen=True)
class Method:
    """A way to train on labeled synthetic and a few labeled real images."""

    title: str  #: one-line description
    domains: tuple[str, ...] = ('source', 'target')  #: domains that it trains on
    parts: tuple[Part, ...] = ()  #: its objectives
    second: Second | None = None  #: its second stage, if it has two
    #: whether it makes sense without any label of the target (`--labels 0`)
    goes_unlabeled: bool = False
    rare_classes: bool = False  #: whether images with rare classes are sampled more often


ALL = ('source', 'target', 'unlabeled')
GA = Part('ga', 'output_adversarial', 'ga', 'ga_optimizer')
TEACHER = Part('teacher', 'teacher', 'teacher')
STRONG = tuple(
    Part(name, 'strong', f'strong.{name}') for name in ('teacher', 'class_mix', 'consistency_mix')
)

METHODS = {
    'target': Method('the labeled target images alone', ('target',)),
    'source': Method('the source alone, no label of the target', ('source',), goes_unlabeled=True),
    'joint': Method('source and target together'),
    'joint_finetune': Method(
        'source and target together, then the target alone', second=Second('finetune', ('target',))
    ),
    'hrs': Method(
        'HRS: joint, source pixels weighted by how target-like they are, and a GAN on features',
        parts=(
            Part('weighting', 'hrs_weighting', 'weighting', 'weighting_optimizer'),
            Part('gan', 'reconstruction_gan', 'gan', 'gan_optimizers'),
        ),
    ),
    'ga': Method(
        'GA: joint, source score maps aligned with real ones', ALL, (GA,), goes_unlabeled=True
    ),
    'csa': Method(
        'GA+CSA: score maps and the features of each class aligned',
        ALL,
        (GA, Part('sa', 'semantic_adversarial', 'csa', 'sa_optimizer')),
    ),
    'maxsquare': Method(
        'joint, then with the maximum squares loss on unlabeled images',
        ALL,
        (Part('regularization', 'target_regularization', 'squares'),),
        Second('adapt', ALL),
        goes_unlabeled=True,
    ),
    'class_mix': Method(
        'ClassMix: source classes pasted onto unlabeled images, which an averaged teacher labels',
        ALL,
        (TEACHER, Part('class_mix', 'class_mix', 'class_mix')),
        goes_unlabeled=True,
    ),
    'strong': Method(
        'the strong recipe: a teacher, ClassMix of both domains, consistency on strongly augmented '
        'images, and rare classes labeled and drawn more often',
        ALL,
        STRONG,
        goes_unlabeled=True,
        rare_classes=True,
    ),
    'semi_supervised': Method(
        'the strong recipe without the source: what the unlabeled images contribute on their own',
        ('target', 'unlabeled'),
        STRONG,
        rare_classes=True,
    ),
}
TARGET_ONLY, JOINT, SOURCE_ONLY = 'target', 'joint', 'source'


def choose_methods(names: Sequence[str]) -> list[str]:
    """Check the names of methods, and sort them in the order of `METHODS`.

    Raises:
        JointError: When no method has one of the names.
    """
    for name in names:
        if name not in METHODS:
            close = get_close_matches(name, METHODS, n=1)
            hint = f'did you mean {close[0]}?' if close else f'choose from {", ".join(METHODS)}.'
            raise JointError(f'--methods: there is no method "{name}"; {hint}')
    return [name for name in METHODS if name in names]
