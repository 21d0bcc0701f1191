from __future__ import annotations

from mmengine.config import Config
from mmseg.registry import MODELS

from mmseg_joint.checks.values import value_of
from mmseg_joint.errors import JointError
from mmseg_joint.models.objectives import Objective


def check_followers(cfg: Config) -> None:
    """Refuse an optimizer wrapper that would not tell an objective of its steps."""
    wrapper = cfg.get('optim_wrapper') or {}
    if wrapper.get('constructor') == 'JointOptimWrapperConstructor':
        return
    for name, config in (value_of(cfg, 'model.objectives') or {}).items():
        kind = config.get('type') if isinstance(config, dict) else None
        kind = MODELS.get(kind) if isinstance(kind, str) else kind
        follow = getattr(kind, 'after_optimizer_step', Objective.after_optimizer_step)
        if follow is not Objective.after_optimizer_step:
            raise JointError(
                f'model.objectives.{name} moves with every optimizer step, of which only '
                "optim_wrapper.constructor='JointOptimWrapperConstructor' tells it: set it."
            )
