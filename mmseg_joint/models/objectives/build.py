from __future__ import annotations

from difflib import get_close_matches
from inspect import signature
from typing import Any
from zlib import crc32

import torch
from mmengine.model import ModuleDict
from mmseg.registry import MODELS

from mmseg_joint.errors import JointError
from mmseg_joint.utils.walk import class_of

from .base import Objective


def build_objectives(configs: dict[str, dict[str, Any] | None], **defaults: Any) -> ModuleDict:
    """Build a model's named objectives.

    Each draws its networks' initial weights from its own random generator, seeded with torch's seed
    and its name. So with one seed the segmentor starts from the same weights whatever its
    objectives, and the rows of a table differ only in their method.

    Args:
        configs: Name -> config; None deletes one from a base config.
        **defaults: Values from the model for objectives whose constructors take them:
            `num_classes`, `ignore_index` and `segmentor`, a :class:`SegmentorHandle`.

    Returns:
        Name -> objective.

    Raises:
        JointError: When a name cannot be used, or a type is not a registered objective.
    """
    objectives = ModuleDict()  # mmengine's, so that the networks' `init_cfg` is applied
    for name, config in configs.items():
        if config is None:
            continue
        if 'loss' in name or '.' in name or hasattr(objectives, name):
            raise JointError(
                f'model.objectives.{name}: choose another name, without dots and without "loss" '
                '(the log sums every value with "loss" in its name).'
            )
        kind = _find(name, config)
        accepted = signature(kind).parameters
        arguments = {key: value for key, value in config.items() if key != 'type'}
        unknown = sorted(set(arguments) - set(accepted))
        if unknown:
            raise JointError(
                f'model.objectives.{name}: {kind.__name__} takes no {", ".join(unknown)}; '
                f'its values are {", ".join(accepted)}.'
            )
        known = {key: value for key, value in defaults.items() if key in accepted}
        try:
            with torch.random.fork_rng(devices=()):  # networks are built on the CPU
                torch.default_generator.manual_seed(torch.initial_seed() ^ crc32(name.encode()))
                objectives[name] = kind(**{**known, **arguments})
        except TypeError as error:  # a network's config lacks a value or has one too many
            raise JointError(
                f'model.objectives.{name} cannot be built: {error}; correct the value.'
            ) from error
    return objectives


def _find(name: str, config: dict[str, Any]) -> type[Objective]:
    kind = config.get('type') if isinstance(config, dict) else config
    found = class_of(kind, MODELS)
    if isinstance(config, dict) and found is not None and issubclass(found, Objective):
        return found
    known = sorted(
        key
        for key, value in MODELS.module_dict.items()
        if isinstance(value, type) and issubclass(value, Objective)
    )
    close = get_close_matches(str(kind), known, n=1)
    hint = f'did you mean "{close[0]}"?' if close else f'choose one of {", ".join(known)}.'
    raise JointError(f'model.objectives.{name}: there is no objective of type "{kind}"; {hint}')
