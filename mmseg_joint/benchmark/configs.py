from __future__ import annotations

import copy

from mmengine.config import Config

from mmseg_joint.errors import JointError
from mmseg_joint.export.plain_model import without_files
from mmseg_joint.utils.walk import dicts_in

from .settings import Settings

UNUSED = ('val_dataloader', 'val_cfg', 'val_evaluator', 'test_dataloader', 'test_cfg')


def plain_beside(cfg: Config) -> Config | None:
    """Return the config of direct joint training, without objectives; None if it has none."""
    names = {name for name, value in (cfg.model.get('objectives') or {}).items() if value}
    if not names:
        return None
    plain = copy.deepcopy(cfg)
    plain.model.objectives = {}
    for owner in (plain.optim_wrapper, plain.get('param_scheduler')):
        if isinstance(owner, dict):
            for key in [key for key in owner if key.split('.')[0] in names]:
                del owner[key]
    return plain


def prepare(cfg: Config, settings: Settings, name: str, work_dir: str) -> Config:
    """Copy a config for a Runner that only steps: no weights file, no validation, no console.

    Raises:
        JointError: When it cannot train, or its optimizer wrapper takes no `dtype`.
    """
    for key in ('model', 'optim_wrapper'):
        if not cfg.get(key):
            raise JointError(f'The config has no {key}: only a config that trains can be measured.')
    cfg = copy.deepcopy(cfg)
    cfg.model = without_files(cfg.model)
    for _, node in dicts_in(cfg.model):
        if node.get('type') == 'SyncBN':  # it needs a process group
            node['type'] = 'BN'
    for objective in (cfg.model.get('objectives') or {}).values():
        if objective and 'start' in objective:
            objective['start'] = 0  # measure the typical step, after the burn-in
    if cfg.optim_wrapper.get('constructor') == 'JointOptimWrapperConstructor':
        cfg.optim_wrapper.dtype = settings.dtype or cfg.optim_wrapper.get('dtype')
    elif settings.dtype not in (None, 'float32'):
        raise JointError(
            f'--dtype {settings.dtype} needs '
            "optim_wrapper.constructor='JointOptimWrapperConstructor'."
        )
    for key in (*UNUSED, 'test_evaluator', 'load_from', 'visualizer'):
        cfg[key] = None
    cfg.train_dataloader = {}  # BenchmarkLoop receives its batches directly
    cfg.train_cfg = {'type': 'BenchmarkLoop', 'device': settings.device_type}
    cfg.update(experiment_name=name, work_dir=work_dir, log_level='ERROR', launcher='none')
    cfg.update(resume=False)
    cfg.setdefault('default_scope', 'mmseg')
    return cfg
