from __future__ import annotations

import copy

from mmengine.config import Config, ConfigDict
from mmseg.registry import DATASETS

from mmseg_joint.stack import own_config
from mmseg_joint.utils.walk import metrics_of

HELD_OUT = 8  # source images kept out of a watched training


def set_runtime(cfg: Config) -> None:
    """Add what a study relies on: atomic checkpoints, exact resuming, each class's IoU, memory."""
    own = Config.fromfile(own_config('_base_/default_runtime.py'))
    hooks = cfg.setdefault('default_hooks', ConfigDict())
    saving = ConfigDict(hooks.get('checkpoint') or {})
    if saving.get('by_epoch', True):
        saving.pop('interval', None)  # in epochs, of which there is one
    saving.pop('out_dir', None)  # in it, the runs of all methods with a seed share one
    hooks.checkpoint = ConfigDict(saving, type='AtomicCheckpointHook', by_epoch=False)
    logger = {'type': 'LoggerHook', **(hooks.get('logger') or {})}
    # mmengine's default is a score's epoch, but the one of the last iteration counts here
    hooks.logger = ConfigDict(logger, log_metric_by_epoch=False)
    hooks.setdefault('schedule_extension', own.default_hooks.schedule_extension)
    hooks.memory = ConfigDict(type='PeakMemoryHook')
    known = [hook.get('type') for hook in cfg.get('custom_hooks') or ()]
    missing = [hook for hook in own.custom_hooks if hook['type'] not in known]
    cfg.custom_hooks = [*(cfg.get('custom_hooks') or ()), *missing]
    imports = cfg.get('custom_imports') or ConfigDict(allow_failed_imports=False)
    names = imports.get('imports') or []
    names = [names] if isinstance(names, str) else names
    imports.imports = list(dict.fromkeys(['mmseg_joint', *names]))
    cfg.custom_imports = imports
    metrics = metrics_of(cfg.val_evaluator)
    if not any(metric.get('type') == 'ClassIoUMetric' for metric in metrics):
        metrics.append(ConfigDict(type='ClassIoUMetric'))
        if isinstance(cfg.val_evaluator, dict) and 'metrics' in cfg.val_evaluator:
            cfg.val_evaluator['metrics'] = metrics
        else:
            cfg.val_evaluator = metrics
    for key in ('work_dir', 'resume', 'experiment_name'):
        cfg.pop(key, None)


def watch(cfg: Config, interval: int) -> None:
    """Monitor the gradients of source and target, and the loss on held-out source images."""
    domains = cfg.train_dataloader.dataset.domains
    hook = ConfigDict(type='GradientCosineHook', interval=interval)
    source = domains['source']
    if isinstance(source, dict) and 'datasets' not in source:  # a subset can be drawn from it
        whole = dict(type='LabelSubset', fraction=1, dataset=copy.deepcopy(source))
        count = len(DATASETS.build(whole)) - HELD_OUT
        if count > 0:
            domains['source'] = ConfigDict(type='LabelSubset', count=count, dataset=source)
            hook.held_out = dict(copy.deepcopy(domains['source']), held_out=True)
    if 'target' in domains:
        cfg.custom_hooks = [*cfg.custom_hooks, hook]
