"""Write the config of each method of a study, from one base config."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS, MODELS

from mmseg_joint.checks import refuse
from mmseg_joint.engine.joint_optim_wrapper_constructor import SHARED_KEYS
from mmseg_joint.errors import JointError
from mmseg_joint.models.segmentors.compatibility import joint_form
from mmseg_joint.stack import own_config

from .adapt import adapt, look_at
from .methods import METHODS, Method, Second

FIRST_PART = 2 / 3  # of a training in two stages
LOWER_RATE = 0.25  # learning rate of the second stage, as a part of the first one's
DOMAINS = 'train_dataloader.dataset.domains'


class Base:
    """A study's base config: the user's model, data and schedule, without any method.

    Args:
        cfg: The config of a joint training of any kind. Left as it is.

    Raises:
        JointError: When it lacks what all methods need.
    """

    def __init__(self, cfg: Config) -> None:
        self.cfg = cfg
        self.name = cfg.filename or 'the base config'
        domains = (cfg.get('train_dataloader') or {}).get('dataset', {}).get('domains') or {}
        if not isinstance(domains.get('target'), dict):
            raise JointError(
                f'{self.name} has no {DOMAINS}.target, the labeled real images: describe it as '
                'docs/joint_config.md says.'
            )
        if cfg.get('stages'):
            raise JointError(f'{self.name} has stages, which methods bring: set stages=None.')
        if 'max_iters' not in (cfg.get('train_cfg') or {}):
            raise JointError(f'{self.name} has no train_cfg.max_iters: a study counts iterations.')
        if not cfg.get('val_dataloader'):
            raise JointError(f'{self.name} has no val_dataloader, by which methods are scored.')
        init_default_scope(cfg.get('default_scope') or 'mmseg')
        refuse('config', 'train', copy.deepcopy(cfg))
        self.target = _without_subset(domains['target'])
        self.outputs = look_at(cfg.model, _image_size(cfg))

    def count_labels(self) -> int:
        """Count the labeled images of the target, of which studies take some or all."""
        return len(DATASETS.build(copy.deepcopy(self.target)))

    def config_of(self, name: str, labeled: bool = True) -> tuple[Config, list[str]]:
        """Make the config of a method.

        Args:
            name: One of `METHODS`.
            labeled: Whether it trains with labels of the target, if it can do without.

        Returns:
            The config, and what has been chosen for it, a sentence each.

        Raises:
            JointError: When the base config lacks a domain, or the model cannot take the method.
        """
        method, cfg = METHODS[name], copy.deepcopy(self.cfg)
        chosen = self._set_domains(cfg, method, labeled)
        chosen += self._set_model(cfg, method)
        _set_runtime(cfg)
        if method.second:
            chosen.append(_set_stages(cfg, method.second, labeled))
        try:
            MODELS.build(copy.deepcopy(cfg.model))
        except JointError as error:
            raise JointError(f'{self.name} cannot take the method {name}: {error}') from error
        return cfg, chosen

    def _set_domains(self, cfg: Config, method: Method, labeled: bool) -> list[str]:
        loader, chosen = cfg.train_dataloader, []
        domains, samples = dict(loader.dataset.domains), dict(loader.sampler.samples_per_domain)
        domains['target'] = ConfigDict(
            type='LabelSubset', count=1, seed=0, dataset=copy.deepcopy(self.target)
        )
        if 'unlabeled' in method.domains and not samples.get('unlabeled'):
            samples['unlabeled'] = samples['target']
            if 'unlabeled' not in domains:
                domains['unlabeled'] = copy.deepcopy(self.target)
                chosen.append('unlabeled images: all of the target, without their labels.')
        used = [name for name in method.domains if labeled or name != 'target']
        for name in used:
            if name not in domains or not samples.get(name):
                raise JointError(f'{self.name} has no samples of {DOMAINS}.{name}: add some.')
        loader.dataset.domains = ConfigDict({name: domains[name] for name in used})
        _set_samples(loader, {name: samples[name] for name in used})
        return chosen

    def _set_model(self, cfg: Config, method: Method) -> list[str]:
        model, optimizers = cfg.model, _optimizers(cfg.optim_wrapper)
        model.type = joint_form(model)
        objectives = {}
        for part in method.parts:
            file = Config.fromfile(own_config(f'_base_/objectives/{part.file}.py'))
            objectives[part.name] = file[part.variable]
            if part.optimizer:
                optimizers[part.name] = file[part.optimizer]
        chosen = adapt(objectives, self.outputs, int(cfg.train_cfg.max_iters))
        model.objectives = ConfigDict(objectives)
        cfg.optim_wrapper = ConfigDict(optimizers)
        return chosen


def _without_subset(dataset: Any) -> Any:
    """The images of which a subset was taken, if one was; a list of them counts as the whole."""
    if dataset.get('type') == 'LabelSubset' and not (
        dataset.get('list_file') and 'count' not in dataset
    ):
        return dataset['dataset']
    return dataset


def _image_size(cfg: Config) -> tuple[int, int]:
    size = (cfg.model.get('data_preprocessor') or {}).get('size')
    for step in _steps(cfg.train_dataloader.dataset.domains.target):
        size = step.get('crop_size') or size
    height, width = (size, size) if isinstance(size, int) else size or (256, 256)
    return int(height), int(width)


def _steps(dataset: Any) -> Iterable[Any]:
    while 'pipeline' not in dataset and isinstance(dataset.get('dataset'), dict):
        dataset = dataset['dataset']
    return dataset.get('pipeline') or ()


def _optimizers(wrapper: Any) -> dict[str, Any]:
    """The optimizer wrapper of the segmentor alone, in the form of joint training."""
    kept = {key: wrapper[key] for key in SHARED_KEYS if wrapper.get(key) is not None}
    if wrapper.get('constructor') == 'JointOptimWrapperConstructor':
        kept.update((key, wrapper[key]) for key in ('type', 'segmentor') if key in wrapper)
    else:
        own = ('optimizer', 'paramwise_cfg', 'clip_grad', 'constructor')
        kept['segmentor'] = ConfigDict({k: wrapper[k] for k in own if wrapper.get(k) is not None})
        if wrapper.get('type') == 'AmpOptimWrapper':
            kept.setdefault('dtype', 'float16')
    return {**kept, 'constructor': 'JointOptimWrapperConstructor'}


def _set_samples(loader: Any, samples: dict[str, int]) -> None:
    loader.sampler.samples_per_domain = ConfigDict(samples)
    loader.batch_size = sum(samples.values())


def _set_runtime(cfg: Config) -> None:
    """What a study relies on: whole checkpoints, exact resuming, and the IoU of each class."""
    own = Config.fromfile(own_config('_base_/default_runtime.py'))
    hooks = cfg.setdefault('default_hooks', ConfigDict())
    hooks.checkpoint = ConfigDict(
        {**(hooks.get('checkpoint') or {}), 'type': 'AtomicCheckpointHook', 'by_epoch': False}
    )
    hooks.setdefault('schedule_extension', own.default_hooks.schedule_extension)
    known = [hook.get('type') for hook in cfg.get('custom_hooks') or ()]
    missing = [hook for hook in own.custom_hooks if hook['type'] not in known]
    cfg.custom_hooks = [*(cfg.get('custom_hooks') or ()), *missing]
    imports = cfg.get('custom_imports') or ConfigDict(imports=[], allow_failed_imports=False)
    imports.imports = list(dict.fromkeys(['mmseg_joint', *imports.imports]))
    cfg.custom_imports = imports
    metrics = cfg.val_evaluator
    metrics = list(metrics) if isinstance(metrics, (list, tuple)) else [metrics]
    if not any(metric.get('type') == 'ClassIoUMetric' for metric in metrics):
        cfg.val_evaluator = [*metrics, ConfigDict(type='ClassIoUMetric')]
    for key in ('work_dir', 'resume', 'experiment_name'):
        cfg.pop(key, None)


def _set_stages(cfg: Config, second: Second, labeled: bool) -> str:
    total = int(cfg.train_cfg.max_iters)
    begin = max(1, round(FIRST_PART * total))
    samples = cfg.train_dataloader.sampler.samples_per_domain
    optimizer = cfg.optim_wrapper.segmentor.optimizer
    stages = []
    for name, domains, iterations, rate in (
        (second.first, second.first_domains, begin, 1.0),
        (second.name, second.domains, max(1, total - begin), LOWER_RATE),
    ):
        own = {d: count if d in domains else 0 for d, count in samples.items()}
        stages.append(
            dict(
                name=name,
                train_cfg=dict(
                    max_iters=iterations,
                    val_interval=min(iterations, cfg.train_cfg.get('val_interval', iterations)),
                ),
                train_dataloader=dict(
                    batch_size=sum(own.values()), sampler=dict(samples_per_domain=own)
                ),
                optim_wrapper=dict(segmentor=dict(optimizer=dict(lr=rate * optimizer.lr))),
                param_scheduler=_scaled(cfg.get('param_scheduler'), iterations / total),
            )
        )
    if cfg.model.objectives:
        stages[0]['model'] = dict(objectives=None)
    cfg.stages = stages
    first = 'the source alone' if not labeled else 'source and target'
    return (
        f'two stages: {begin} iterations on {first}, {max(1, total - begin)} at '
        f'{LOWER_RATE:g} of the learning rate ("{second.name}").'
    )


def _scaled(schedulers: Any, factor: float) -> Any:
    """A schedule for fewer iterations."""
    if isinstance(schedulers, dict):
        return _scaled([schedulers], factor)
    scaled = copy.deepcopy(list(schedulers or ()))
    for scheduler in scaled:
        for key in ('begin', 'end', 'T_max', 'step_size'):
            if isinstance(scheduler.get(key), int):
                scheduler[key] = round(factor * scheduler[key])
        if scheduler.get('milestones'):
            scheduler['milestones'] = [round(factor * step) for step in scheduler['milestones']]
    return scaled
