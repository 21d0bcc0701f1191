from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope

from mmseg_joint.engine.config_file import read_config
from mmseg_joint.engine.stages import read_stages
from mmseg_joint.errors import JointError
from mmseg_joint.runtime import setup
from mmseg_joint.utils.walk import dicts_in

from .data import open_datasets
from .files import read_files
from .histogram import show_labels
from .overlap import find_overlaps
from .report import Report
from .training import look_at_training


def examine(
    path: str,
    options: dict | None,
    report: Report,
    everything: bool = False,
    step: bool = False,
) -> None:
    """Check everything that a config needs to train."""
    setup()
    with _quiet_log():
        for name, cfg in _read(path, options, report).items():
            init_default_scope(cfg.get('default_scope') or 'mmseg')
            report.title(f'data of {name}')
            parts = open_datasets(cfg, report)
            readings = [read_files(part, report, everything) for part in parts]
            show_labels(readings, report, _by_iou_metric(cfg))
            find_overlaps(parts, report)
            report.title(f'training of {name}')
            look_at_training(cfg, parts, step, report)


def _by_iou_metric(cfg: Config) -> list[str]:
    """List those of `val` and `test` that mmseg's `IoUMetric` scores."""
    metrics = {name: dicts_in(cfg.get(f'{name}_evaluator')) for name in ('val', 'test')}
    return [name for name, x in metrics.items() if any(y.get('type') == 'IoUMetric' for _, y in x)]


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


def _read(path: str, options: dict | None, report: Report) -> dict[str, Config]:
    """Map the title of each training in the report to its config."""
    try:
        cfg = read_config(path, options)
        cfg.setdefault('work_dir', str(Path('work_dirs') / Path(path).stem))
        if cfg.get('stages') is None:
            return {Path(path).name: cfg}
        return {f'stage {stage.name}': stage.cfg for stage in read_stages(cfg)}
    except JointError as error:
        report.problem(error)
    return {}
