from __future__ import annotations

from importlib.util import find_spec

from mmengine.config import Config
from mmengine.hooks import CheckpointHook
from mmengine.registry import VISBACKENDS

from mmseg_joint.errors import JointError
from mmseg_joint.utils.walk import class_of, value_of

RULES = ('save_best', 'rule', 'greater_keys', 'less_keys')
# backend -> packages, one of which it needs; the first has the same name on pip
PACKAGES = {
    'TensorboardVisBackend': ('tensorboard', 'tensorboardX'),
    'WandbVisBackend': ('wandb',),
    'MLflowVisBackend': ('mlflow',),
    'ClearMLVisBackend': ('clearml',),
    'NeptuneVisBackend': ('neptune',),
    'DVCLiveVisBackend': ('dvclive',),
    'AimVisBackend': ('aim',),
}


def check_best(cfg: Config) -> None:
    """Refuse a best checkpoint if mmengine cannot know which score is better."""
    key = 'default_hooks.checkpoint'
    hook = value_of(cfg, key) or {}
    given = {name: hook[name] for name in RULES if hook.get(name) is not None}
    if 'save_best' not in given:
        return
    try:
        CheckpointHook(**given)
    except (ValueError, KeyError, AssertionError) as error:
        raise JointError(
            f'{key}.save_best is {given["save_best"]!r} with rule={given.get("rule")!r}, and it is '
            'not known what is better: name a result of the validation, like "mIoU", or add '
            f'{key}.rule="greater" or "less".'
        ) from error


def check_backends(cfg: Config) -> None:
    """Refuse a visualizer backend that lacks its package."""
    for index, backend in enumerate(value_of(cfg, 'visualizer.vis_backends') or ()):
        kind = class_of(backend, VISBACKENDS)
        packages = PACKAGES.get(kind.__name__, ()) if kind else ()
        if kind and packages and not any(find_spec(package) for package in packages):
            raise JointError(
                f'visualizer.vis_backends.{index} is a {kind.__name__}, which needs {packages[0]}: '
                f'run `python -m pip install {packages[0]}`, or delete the entry.'
            )
