from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from mmengine.config import Config
from mmseg.registry import DATASETS

from mmseg_joint.datasets.raw_label_dataset import RawLabelDataset
from mmseg_joint.datasets.synthia import SynthiaDataset
from mmseg_joint.datasets.unlabeled import without_labels
from mmseg_joint.errors import JointError
from mmseg_joint.utils.walk import datasets_in

from .manifest import Setting
from .pipeline import built, loading_steps, setting_of

# What chooses among images or classes: a copy has all of them.
CHOOSING = ('protocol', 'metainfo', 'ann_file', 'indices', 'prepared', 'lazy_init', 'test_mode')


def domain_config(cfg: Config, domain: str | None) -> tuple[str, dict]:
    """Find a domain's dataset in a config, within all its wrappers.

    Returns:
        The dataset's key, and its config: without labels for an unlabeled domain.

    Raises:
        JointError: When there is no such domain, or it is several datasets.
    """
    key = 'train_dataloader.dataset'
    found = (cfg.get('train_dataloader') or {}).get('dataset')
    if not found:
        raise JointError('The config has no train_dataloader.dataset: there is nothing to prepare.')
    domains = found.get('domains')
    if domains is not None:
        if domain is None and len(domains) == 1:
            domain = next(iter(domains))
        if domain not in domains:
            raise JointError(
                f'--domain {domain}: the config has {", ".join(domains)}, so name one.'
            )
        key, found = f'{key}.domains.{domain}', domains[domain]
    found = list(innermost(found, key, domain == 'unlabeled'))
    if len(found) != 1:
        raise JointError(f'{key} is several datasets: prepare each with --type and --root.')
    return found[0]


def innermost(cfg: Any, key: str, unlabeled: bool = False) -> Iterator[tuple[str, dict]]:
    """Find the datasets within a config's lists and wrappers.

    Yields:
        The key and the config of each; without label loading where labels are not read.
    """
    for places in datasets_in(cfg, key):
        place, dataset = places[-1]
        hidden = unlabeled or any(node.get('type') == 'Unlabeled' for _, node in places)
        yield place, without_labels(dataset) if hidden else dict(dataset)


def to_prepare(
    cfg: dict,
    where: str,
    size: tuple[int, int] | None = None,
    interpolation: str | None = None,
) -> tuple[RawLabelDataset, Setting]:
    """Build a dataset that gives every image and label as they are loaded, unresized.

    Args:
        cfg: The dataset's config; without a pipeline it gets the usual loading steps, and
            ``size`` must be given.
        where: What messages call it.
        size: Width and height in pixels; None takes those of the pipeline's ``Resize``, of which
            a pipeline that is there allows no other.
        interpolation: None takes that of the pipeline's ``Resize``.

    Returns:
        The dataset, and the setting of the copy to write.

    Raises:
        JointError: When it is no dataset with raw labels, or its pipeline cannot be prepared or
            resizes otherwise than given.
    """
    kind = cfg.get('type')
    kind = _registered(kind, where) if isinstance(kind, str) else kind
    if not isinstance(kind, type) or not issubclass(kind, RawLabelDataset):
        raise JointError(
            f'{where} is a {cfg.get("type")}: only the datasets of mmseg_joint that read files '
            'can be prepared'
        )
    cfg = {key: value for key, value in cfg.items() if key not in CHOOSING}
    if cfg.get('reduce_zero_label'):
        raise JointError(f'{where} cannot be prepared with reduce_zero_label=True')
    given: dict[str, Any] = {'size': size and tuple(size), 'interpolation': interpolation}
    given = {key: value for key, value in given.items() if value is not None}
    if cfg.get('pipeline'):
        steps = built(cfg['pipeline'])
        own = setting_of(steps, kind.__name__, where)
        setting = replace(own, **given)
        if difference := setting.difference(own):
            raise JointError(
                f'{where} could not read a copy made with {difference}: leave --size and '
                "--interpolation out, or change the config's Resize"
            )
    else:
        steps = built(_usual_loading(kind, cfg.get('labeled', True)))
        setting = Setting(kind.__name__, **given)
    return DATASETS.build({**cfg, 'pipeline': loading_steps(steps, where)}), setting


def _registered(name: str, where: str) -> Any:
    kind = DATASETS.get(name)
    if kind is None:
        found = DATASETS.module_dict.items()
        known = [key for key, entry in found if RawLabelDataset in getattr(entry, '__mro__', ())]
        close = get_close_matches(name, known)
        beside = '' if where == name else f' ({where})'
        raise JointError(
            f'no dataset is called "{name}"{beside}: choose from {", ".join(close or known)}'
        )
    return kind


def _usual_loading(kind: type, labeled: bool) -> list[dict]:
    synthia = issubclass(kind, SynthiaDataset)
    labels = 'LoadSynthiaAnnotations' if synthia else 'LoadMappedAnnotations'
    return [{'type': name} for name in ('LoadCheckedImage', *([labels] if labeled else []))]
