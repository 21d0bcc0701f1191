from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope

from mmseg_joint.engine.config_checks import CHECKS, check_parts, check_sections
from mmseg_joint.engine.config_file import read_config
from mmseg_joint.engine.stages import read_stages
from mmseg_joint.errors import JointError
from mmseg_joint.runtime import setup

from .cost import show_memory, time_step
from .data import Part, open_datasets
from .files import read_files
from .histogram import show_labels
from .parts import check_hooks_and_evaluators
from .report import Report
from .shares import check_shares
from .training import build_model, build_optimizers, check_schedule
from .weights import check_weights


def examine(
    path: str,
    options: dict | None,
    report: Report,
    everything: bool = False,
    step: bool = False,
) -> None:
    """Look at all that a config needs to train.

    Args:
        path: The config's file.
        options: Values to change in it.
        report: Takes the findings.
        everything: Read every picture and label.
        step: Time a real step.
    """
    setup()
    with _quiet_log():
        for name, cfg in _read(path, options, report):
            init_default_scope(cfg.get('default_scope') or 'mmseg')
            _look_at_config(cfg, report)
            report.title(f'data of {name}')
            _look_at_files(open_datasets(cfg, report), everything, report)
            report.title(f'training of {name}')
            _look_at_training(cfg, step, report)


@contextmanager
def _quiet_log() -> Iterator[None]:
    """Keep mmengine's log silent: the report says the same in its own words."""
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel('ERROR')
    try:
        yield
    finally:
        logger.setLevel(level)


def _read(path: str, options: dict | None, report: Report) -> Sequence[tuple[str, Config]]:
    try:
        cfg = read_config(path, options)
        check_sections(cfg)  # all that follows relies on them
        cfg.setdefault('work_dir', str(Path('work_dirs') / Path(path).stem))
        if cfg.get('stages') is None:
            return [(Path(path).name, cfg)]
        stages = read_stages(cfg)
        for stage in stages:
            check_sections(stage.cfg)
        return [(f'stage {stage.name}', stage.cfg) for stage in stages]
    except JointError as error:
        report.problem(error)
    return []


def _look_at_config(cfg: Config, report: Report) -> None:
    checks: list[Callable[[Config], None]] = [partial(check_parts, task='train'), *CHECKS]
    for check in checks:
        try:
            check(cfg)
        except JointError as error:
            report.problem(error)


def _look_at_files(parts: list[Part], everything: bool, report: Report) -> None:
    readings = []
    for part in parts:
        reading = read_files(part, report, everything)
        labels = '' if part.labelled else ', labels are not read'
        report.line(
            part.name,
            f'{len(part):,} pictures, {reading.read:,} of them read '
            f'({type(part.innermost).__name__}{labels})',
        )
        readings.append(reading)
    show_labels(readings, report)


def _look_at_training(cfg: Config, step: bool, report: Report) -> None:
    model = build_model(cfg, report)
    check_hooks_and_evaluators(cfg, report)
    check_weights(cfg, model, report)
    check_shares(cfg, model, report)
    check_schedule(cfg, report)
    if model is None:
        return
    optim_wrapper = build_optimizers(cfg, model, report)
    show_memory(model, optim_wrapper, report)
    if step and report.problems:
        report.line('a step', 'not timed: first solve the problems below')
    elif step and optim_wrapper is not None:
        time_step(cfg, model, report)
