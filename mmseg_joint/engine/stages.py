from __future__ import annotations

import copy
import re
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_joint.checkpoints.find import (
    SavedCheckpoint,
    checkpoint_template,
    checkpoint_unit,
    newest_checkpoint,
)
from mmseg_joint.engine.sections import TRAINING_READS, check_sections
from mmseg_joint.errors import JointError, reason_of
from mmseg_joint.utils.renamed import rename_keys

SET_FOR_ALL = ('work_dir', 'launcher', 'resume', 'experiment_name', 'cfg')


@dataclass
class Stage:
    """One of the trainings in a config with `stages`."""

    name: str  #: its name, and that of its folder in the work dir
    cfg: Config  #: its whole config: the common one with the stage's own values merged in

    @property
    def folder(self) -> Path:
        """Where its logs and checkpoints go."""
        return Path(self.cfg.work_dir).absolute()

    @property
    def total(self) -> int:
        """Iterations (or epochs) of its schedule."""
        return int(self.cfg.train_cfg[f'max_{checkpoint_unit(self.cfg)}s'])

    @property
    def newest(self) -> SavedCheckpoint | None:
        """Its latest checkpoint."""
        return newest_checkpoint(self.folder, checkpoint_template(self.cfg))

    @property
    def is_complete(self) -> bool:
        """Whether its newest checkpoint is at the end of its schedule."""
        newest = self.newest
        return newest is not None and newest.step >= self.total


def read_stages(cfg: Config) -> list[Stage]:
    """Make one config for each stage that a config lists.

    ::

        stages = [dict(name='source', …), dict(name='adapt', …)]

    A stage is the config itself with the stage's values merged in, as for a child config.

    Returns:
        The stages in order, each with its own folder in the work dir.

    Raises:
        JointError: When there is no stage, or a stage has no name, another's name, or a value that
            no training reads.
    """
    entries = cfg.get('stages')
    if not isinstance(entries, (list, tuple)) or not entries:
        raise JointError(
            f'stages is {entries!r}: list at least one, like stages=[dict(name="source")], or '
            'delete the key with stages=None.'
        )
    stages: list[Stage] = []
    for index, entry in enumerate(entries):
        values = copy.deepcopy(entry)
        name = _take_name(values, f'stages.{index}', [stage.name for stage in stages])
        key = f'stages.{index} ("{name}")'
        _check_keys(values, key, first=index == 0)
        stage = Stage(name, _merge(cfg, values, name, key))
        _check_checkpoints(stage, key)
        stages.append(stage)
    return stages


def config_of_checkpoint(cfg: Config, checkpoint: str) -> Config:
    """Choose the config of the stage that a checkpoint belongs to, with the common work dir.

    If the checkpoint's folder is no stage's, that is the last stage; a config without stages is
    returned unchanged.

    Raises:
        JointError: As :func:`read_stages`.
    """
    if cfg.get('stages') is None:
        return cfg
    stages = read_stages(cfg)
    stage = stage_of_checkpoint(stages, checkpoint) or stages[-1]
    stage.cfg.work_dir = cfg.work_dir
    return stage.cfg


def stage_of_checkpoint(stages: list[Stage], checkpoint: str) -> Stage | None:
    """Find the stage, if any, that is named like a checkpoint's folder, in any work dir."""
    folder = Path(checkpoint).absolute().parent.name
    return next((stage for stage in stages if stage.name == folder), None)


def _take_name(values: Any, key: str, taken: list[str]) -> str:
    name = values.pop('name', None) if isinstance(values, dict) else None
    if not isinstance(name, str) or not re.fullmatch(r'\w[\w.-]*', name):
        raise JointError(
            f'{key} needs a name that will do for a folder, like dict(name="source", …), but has '
            f'{name!r}.'
        )
    if name in taken:
        raise JointError(f'{key}.name is "{name}", as of an earlier stage: choose another name.')
    return name


def _check_keys(values: dict[str, Any], key: str, first: bool) -> None:
    for name in values:
        if name in SET_FOR_ALL:
            raise JointError(f'{key} sets {name}, which is one for all stages: delete it there.')
        if name == 'load_from' and not first:
            raise JointError(
                f'{key} sets load_from, but starts from the last checkpoint of the stage before: '
                'delete the key.'
            )
        if name not in TRAINING_READS:
            close = get_close_matches(name, TRAINING_READS, n=1)
            hint = f'did you mean {close[0]}?' if close else 'name what a training reads.'
            raise JointError(
                f'{key} sets {name}, which no training reads (a variable of the config file has '
                f'been put in place before): {hint}'
            )


def _merge(cfg: Config, values: dict[str, Any], name: str, key: str) -> Config:
    stage = copy.deepcopy(cfg)
    stage.pop('stages')
    try:
        stage.merge_from_dict(values)
    except (TypeError, KeyError) as error:
        reason = reason_of(error)
        raise JointError(f'{key} does not fit the config ({reason}): correct it.') from error
    rename_keys(stage, key)
    check_sections(stage)
    stage.work_dir = str(Path(cfg.work_dir) / name)
    stem = Path(cfg.filename).stem if cfg.filename else 'stages'
    # mmengine keeps loggers and message hubs by these names, for the whole process
    stage.experiment_name = f'{cfg.get("experiment_name") or stem}_{name}'
    return stage


def _check_checkpoints(stage: Stage, key: str) -> None:
    hook = (stage.cfg.get('default_hooks') or {}).get('checkpoint', {})
    if hook is None or not hook.get('save_last', True):
        raise JointError(
            f'{key} keeps no last checkpoint, from which a stage goes on: give it '
            'default_hooks.checkpoint with save_last=True.'
        )
    if hook.get('out_dir'):
        raise JointError(
            f'{key}: default_hooks.checkpoint.out_dir does not go with stages, whose checkpoints '
            'lie in the work dir: delete the key and choose --work-dir.'
        )
    unit = checkpoint_unit(stage.cfg)
    if not (stage.cfg.get('train_cfg') or {}).get(f'max_{unit}s'):
        raise JointError(
            f'{key} needs train_cfg.max_{unit}s, since default_hooks.checkpoint.by_epoch='
            f'{unit == "epoch"}: set either as the training loop has it.'
        )
