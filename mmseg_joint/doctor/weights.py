from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

from mmengine.config import Config
from torch import nn

from mmseg_joint.checkpoints.pretrained import (
    PretrainedMixin,
    check_pretrained,
    load_pretrained,
    pretrained_cfgs,
)
from mmseg_joint.checkpoints.read import read_checkpoint
from mmseg_joint.errors import JointError

from .report import Report


def check_weights(cfg: Config, model: nn.Module | None, report: Report) -> None:
    """Look for the files that training starts from, and compare those that are here.

    Args:
        cfg: The whole config.
        model: The built model; None if it cannot be built.
        report: Takes the findings.
    """
    files = dict(configured_files(cfg.get('model'), 'model'))
    if cfg.get('load_from'):
        files['load_from'] = cfg.load_from
    for key, path in files.items():
        if is_remote(path):
            report.line('weights', f'{key}: will be downloaded from {path}')
        elif not os.path.isfile(os.path.expanduser(path)):
            report.problem(
                f'{key} is {path!r}, which does not exist: put the file there or correct the path.'
            )
        else:
            report.line('weights', f'{key}: {path}')
    if model is None:
        return
    for name, module in model.named_modules():
        given = [cfg['checkpoint'] for cfg in pretrained_cfgs(module)]
        if given and all(_here(path) for path in given):
            _compare(module, f'model.{name}' if name else 'model', report)
    if cfg.get('load_from') and _here(cfg.load_from):
        _compare_all(model, cfg.load_from, report)


def configured_files(node: Any, key: str) -> Iterator[tuple[str, str]]:
    """List the weights files that a part of a config names.

    Args:
        node: The part.
        key: Its dotted name.

    Yields:
        Key and path of each file.
    """
    if isinstance(node, (list, tuple)):
        for index, item in enumerate(node):
            yield from configured_files(item, f'{key}.{index}')
    elif isinstance(node, dict):
        if isinstance(node.get('checkpoint'), str):
            yield f'{key}.checkpoint', node['checkpoint']
        if isinstance(node.get('pretrained'), str):
            yield f'{key}.pretrained', node['pretrained']
        for name, value in node.items():
            yield from configured_files(value, f'{key}.{name}')


def is_remote(path: str) -> bool:
    """Whether a path is an address, like `https://…` or `open-mmlab://…`."""
    return re.match(r'[\w-]+://', path) is not None


def _here(path: str) -> bool:
    return not is_remote(path) and os.path.isfile(os.path.expanduser(path))


def _compare(module: nn.Module, name: str, report: Report) -> None:
    try:
        check_pretrained(module, name)
        if isinstance(module, PretrainedMixin):
            for cfg in pretrained_cfgs(module):
                load_pretrained(module, cfg['checkpoint'], cfg.get('prefix') or '', name=name)
    except JointError as error:
        report.problem(error)


def _compare_all(model: nn.Module, path: str, report: Report) -> None:
    try:
        found = read_checkpoint(path, name=f'load_from={path!r}')
    except JointError as error:
        report.problem(error)
        return
    own = model.state_dict()
    fitting = [key for key in own if key in found and found[key].shape == own[key].shape]
    report.line('weights', f'load_from fits {len(fitting)} of {len(own)} entries of the model')
    if not fitting:
        report.problem(
            f"load_from={path!r} fits none of the model's {len(own)} entries: give the checkpoint "
            'of this network, or load_from=None.'
        )
