"""Write the config of each method of a study, from one base config."""

from __future__ import annotations

import copy
from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.registry import init_default_scope
from mmseg.evaluation import IoUMetric
from mmseg.registry import DATASETS, METRICS, MODELS

from mmseg_joint.checks import refuse
from mmseg_joint.datasets.rare_class_sampling import RARE_PIXELS
from mmseg_joint.engine.config_file import config_value
from mmseg_joint.engine.joint_optim_wrapper_constructor import SHARED_KEYS, networks_of
from mmseg_joint.engine.selection_report_hook import holds_out
from mmseg_joint.errors import JointError
from mmseg_joint.evaluation.class_iou_metric import ClassIoUMetric
from mmseg_joint.models.segmentors.compatibility import joint_form
from mmseg_joint.stack import own_config
from mmseg_joint.utils.walk import class_of, dicts_in, metrics_of

from .adapt import adapt, look_at
from .length import set_length, set_stages
from .methods import METHODS, Method
from .runs import METRIC
from .runtime import set_runtime, watch

DOMAINS = 'train_dataloader.dataset.domains'


class Base:
    """A study's base config: the user's model, data and schedule, without any method.

    Args:
        cfg: The config of a joint training of any kind. It is not modified.
        watch_every: Iterations between two measurements of the source's and target's gradients;
            None for no measurement.
        iterations: Length of training in place of the config's; its schedules are scaled.

    Raises:
        JointError: When the config lacks what all methods need.
    """

    def __init__(
        self, cfg: Config, watch_every: int | None = None, iterations: int | None = None
    ) -> None:
        self.cfg, self.watch_every = cfg, watch_every
        self.name = cfg.filename or 'the base config'
        domains = (cfg.get('train_dataloader') or {}).get('dataset', {}).get('domains') or {}
        if not isinstance(domains.get('target') or None, (dict, list, tuple)):
            raise JointError(
                f'{self.name} has no {DOMAINS}.target, the labeled real images: describe it as '
                'docs/joint_config.md says.'
            )
        if not (cfg.train_dataloader.get('sampler') or {}).get('samples_per_domain'):
            raise JointError(
                f'{self.name} has no train_dataloader.sampler.samples_per_domain: describe it as '
                'docs/joint_config.md says.'
            )
        if cfg.get('stages'):
            raise JointError(f'{self.name} has stages, which methods bring: set stages=None.')
        if 'max_iters' not in (cfg.get('train_cfg') or {}):
            raise JointError(f'{self.name} has no train_cfg.max_iters: a study counts iterations.')
        if not cfg.get('val_dataloader'):
            raise JointError(f'{self.name} has no val_dataloader, by which methods are scored.')
        if iterations:
            self.cfg = cfg = copy.deepcopy(cfg)
            set_length(cfg, iterations)
        init_default_scope(cfg.get('default_scope') or 'mmseg')
        refuse('config', 'train', copy.deepcopy(cfg))
        if not any(map(_may_score, metrics_of(cfg.val_evaluator))):
            raise JointError(
                f'{self.name}: val_evaluator gives no {METRIC}, by which methods are scored: add '
                "dict(type='IoUMetric')."
            )
        # what is held out of it, to validate on, is not trained on either
        is_split = holds_out(cfg.val_dataloader.get('dataset'))
        self.target = domains['target'] if is_split else _without_subset(domains['target'])
        self.size = _image_size(cfg)
        self.outputs = look_at(cfg.model, self.size)

    def count_labels(self) -> int:
        """Count the labeled images of the target; studies use some or all of them."""
        whole = dict(type='LabelSubset', fraction=1, dataset=copy.deepcopy(self.target))
        return len(DATASETS.build(whole))

    def config_of(self, name: str, labeled: bool = True) -> tuple[Config, list[str]]:
        """Make the config of a method.

        Returns:
            The config, and one sentence for each choice made for it.

        Raises:
            JointError: When the base config lacks a domain, or the model cannot take the method.
        """
        method, cfg = METHODS[name], copy.deepcopy(self.cfg)
        chosen = self._set_domains(cfg, method, labeled)
        chosen += self._set_model(cfg, method)
        set_runtime(cfg)
        if self.watch_every and 'source' in method.domains:
            watch(cfg, self.watch_every)
        if method.second:
            chosen.append(set_stages(cfg, method.second, labeled))
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
            samples['unlabeled'] = samples.get('target', 0)
            if 'unlabeled' not in domains:
                domains['unlabeled'] = copy.deepcopy(self.target)
                chosen.append('unlabeled images: all of the target, without their labels.')
        used = [name for name in method.domains if labeled or name != 'target']
        for name in used:
            if name not in domains or not samples.get(name):
                raise JointError(f'{self.name} has no samples of {DOMAINS}.{name}: add some.')
        loader.dataset.domains = ConfigDict({name: domains[name] for name in used})
        loader.sampler.samples_per_domain = ConfigDict({name: samples[name] for name in used})
        loader.batch_size = sum(samples[name] for name in used)
        given = loader.dataset.pop('rare_classes', None) or {}
        rare = {name: given[name] for name in used if name in given}
        if method.rare_classes and not given:
            pixels = round(RARE_PIXELS * self.size[0] * self.size[1])
            rare = {name: dict(min_pixels=pixels) for name in used if name != 'unlabeled'}
            chosen.append(f'rare classes: crops with at least {pixels} of their pixels are sought.')
        if rare:
            loader.dataset.rare_classes = ConfigDict(rare)
        return chosen

    def _set_model(self, cfg: Config, method: Method) -> list[str]:
        model, optimizers = cfg.model, _optimizers(cfg.optim_wrapper)
        model.type = joint_form(model)
        objectives = {}
        for part in method.parts:
            file = Config.fromfile(own_config(f'_base_/objectives/{part.file}.py'))
            objectives[part.name] = config_value(file, part.variable)
            if part.optimizer:
                optimizers[part.name] = file[part.optimizer]
        domains = list(cfg.train_dataloader.dataset.domains)
        chosen = adapt(objectives, self.outputs, int(cfg.train_cfg.max_iters), domains)
        model.objectives = ConfigDict(objectives)
        cfg.optim_wrapper = ConfigDict(optimizers)
        schedules = cfg.get('param_scheduler') or {}
        if 'segmentor' in schedules:  # one for each network of the base config, not of the method
            cfg.param_scheduler = ConfigDict(
                {
                    name: copy.deepcopy(schedules.get(name, schedules['segmentor']))
                    for name in networks_of(optimizers)
                }
            )
        return chosen


def _without_subset(target: Any) -> Any:
    """Return what was repeated, or what a subset was drawn from; a list or held-out images stay."""
    if isinstance(target, (list, tuple)):
        parts = map(_without_subset, target)
        return [x for part in parts for x in (part if isinstance(part, list) else [part])]
    if target.get('type') == 'RepeatDataset':  # a draw of its images could have one twice
        return _without_subset(target['dataset'])
    kept = target.get('held_out') or (target.get('list_file') and 'count' not in target)
    return target['dataset'] if target.get('type') == 'LabelSubset' and not kept else target


def _may_score(metric: dict[str, Any]) -> bool:
    """Whether a metric gives the score of a study, as far as its class is known."""
    kind = class_of(metric, METRICS)
    if kind is None or not issubclass(kind, IoUMetric):
        return True
    given = metric.get('iou_metrics', [METRIC])
    return kind is not ClassIoUMetric and METRIC in given and not metric.get('prefix')


def _image_size(cfg: Config) -> tuple[int, int]:
    size = (cfg.model.get('data_preprocessor') or {}).get('size')
    for _, node in dicts_in(cfg.train_dataloader.dataset.domains.target):
        size = node.get('crop_size') or size
    height, width = (size, size) if isinstance(size, int) else size or (256, 256)
    return int(height), int(width)


def _optimizers(wrapper: Any) -> dict[str, Any]:
    """Return the segmentor's optimizer wrapper alone, in the form of joint training."""
    kept = {key: wrapper[key] for key in SHARED_KEYS if wrapper.get(key) is not None}
    if wrapper.get('constructor') == 'JointOptimWrapperConstructor':
        kept.update((key, wrapper[key]) for key in ('type', 'segmentor') if key in wrapper)
    else:
        own = ('optimizer', 'paramwise_cfg', 'clip_grad', 'constructor')
        kept['segmentor'] = ConfigDict({k: wrapper[k] for k in own if wrapper.get(k) is not None})
        if wrapper.get('type') == 'AmpOptimWrapper':
            kept.setdefault('dtype', 'float16')
    return {**kept, 'constructor': 'JointOptimWrapperConstructor'}
