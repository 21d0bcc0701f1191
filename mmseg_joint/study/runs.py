from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from mmengine.config import Config

from mmseg_joint.engine.gradient_cosine_hook import COSINE, HELD_OUT
from mmseg_joint.errors import JointError
from mmseg_joint.evaluation.class_iou_metric import PREFIX
from mmseg_joint.utils.renamed import rename_keys
from mmseg_joint.visualization.scalars import Series, read_scalars

from .rows import Row

METRIC = 'mIoU'


@dataclass(frozen=True)
class Run:
    """A training of a row, as its logs tell."""

    folder: Path
    labels: int | None  #: labeled target images; None for all there are
    seed: int
    cfgs: tuple[Config, ...]  #: mmengine's copies of its config, of each stage that has begun
    miou: float | None  #: after the last iteration, in percent; None if it did not get there
    reached: str = ''  #: how far an unfinished run has come
    #: of an iteration of training, if any was logged: the median of those logged
    seconds: float | None = None
    #: each class's IoU after the last iteration, in percent, if the run has logged it
    classes: dict[str, float] = field(default_factory=dict)
    #: in MiB, of a GPU or of a process on a CPU: the most that was logged, if it was
    memory: float | None = None
    #: whatever `GradientCosineHook` logged: name -> values by rising iteration
    watched: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def iterations(self) -> tuple[int, ...]:
        """What its schedule asks for, of each stage that has begun."""
        return tuple(int(cfg.train_cfg.max_iters) for cfg in self.cfgs)

    @property
    def finished(self) -> bool:
        """Whether its last validation is that of its last iteration."""
        return self.miou is not None


@dataclass(frozen=True)
class _Part:
    """What one work dir tells: a whole run, or a stage of it."""

    cfg: Config
    scalars: dict[str, Series]
    done: int
    miou: float | None
    classes: dict[str, float]

    @property
    def total(self) -> int:
        return int(self.cfg.train_cfg.max_iters)

    @property
    def memory(self) -> float | None:
        """The most that was logged."""
        _, values = self.scalars.get('memory', (None, np.array([])))
        return float(values.max()) if len(values) else None


def folder_of(root: Path, row: Row, labels: int | None, seed: int) -> Path:
    """Say where a run belongs: its work dir."""
    return root / row.stem / ('all' if labels is None else str(labels)) / f'seed{seed}'


def find_runs(root: str | Path, row: Row) -> list[Run]:
    """Read the runs of a row: ROOT/<config>, as tools/train.py calls it, and those of this tool.

    Returns:
        Its runs by labels and seed, those that are not finished too.

    Raises:
        JointError: When two of them are the same, or a log is broken.
    """
    home = Path(root) / row.stem
    found: dict[tuple[int | None, int], Run] = {}
    for folder in [home, *sorted(home.glob('*/seed*'))]:
        run = read_run(folder, row)
        if run is None:
            continue
        same = found.setdefault((run.labels, run.seed), run)
        if same is not run:
            raise JointError(
                f'{same.folder} and {folder} are both runs of {row.stem} with {run.labels} labels '
                f'and seed {run.seed}: move one of them away.'
            )
    return sorted(found.values(), key=lambda run: (run.labels is None, run.labels, run.seed))


def read_run(folder: Path, row: Row) -> Run | None:
    """Read how far a run has come and what it measured; None if it has logged nothing.

    Raises:
        JointError: When a log is broken.
    """
    names = row.stages or ('',)
    parts = {name: _read_part(folder / name) for name in names}
    begun = {name: part for name, part in parts.items() if part is not None}
    if not begun:
        return None
    name, newest = list(begun.items())[-1]
    whole = name == names[-1]
    reached = f'{newest.done} of {newest.total} iterations'
    times = np.concatenate([_times(part.scalars) for part in begun.values()])
    return Run(
        folder=folder,
        labels=row.labels(newest.cfg),
        seed=int(newest.cfg.get('randomness', {}).get('seed') or 0),
        cfgs=tuple(part.cfg for part in begun.values()),
        miou=newest.miou if whole else None,
        reached=f'{reached} of stage "{name}"' if name else reached,
        seconds=float(np.median(times)) if len(times) else None,
        classes=newest.classes if whole else {},
        memory=max((part.memory for part in begun.values() if part.memory), default=None),
        watched={
            name: values
            for part in begun.values()
            for name, (_, values) in part.scalars.items()
            if name in (COSINE, HELD_OUT)
        },
    )


def _read_part(folder: Path) -> _Part | None:
    logs = {start: read_scalars(start) for start in _starts(folder)}
    if not logs:
        return None
    scalars = read_scalars(folder)
    trained = [start for start, log in logs.items() if 'loss' in log]
    newest = (trained or list(logs))[-1]
    cfg = Config.fromfile(newest / 'vis_data/config.py', import_custom_modules=False)
    rename_keys(cfg, warn=False)
    # a resumed run that only makes up for its last validation leaves a log without training
    later = [log for start, log in logs.items() if start > newest]
    validated = [log[METRIC] for log in (scalars, *later) if METRIC in log]
    step, miou = max(((int(s[-1]), float(v[-1])) for s, v in validated), default=(0, 0.0))
    done = max(step, *(int(steps[-1]) for steps, _ in scalars.values()))
    total = int(cfg.train_cfg.max_iters)
    classes = {
        name.removeprefix(PREFIX): float(values[-1])
        for log in (scalars, *later)
        for name, (steps, values) in log.items()
        if name.startswith(PREFIX) and steps[-1] == total
    }
    return _Part(cfg, scalars, done, miou if step == total else None, classes)


def _times(scalars: dict[str, Series]) -> np.ndarray:
    steps, seconds = scalars.get('time', (np.array([]), np.array([])))
    # a validation logs the time of its own steps
    return seconds[~np.isin(steps, scalars.get(METRIC, ([],))[0])]


def _starts(folder: Path) -> list[Path]:
    """Where mmengine kept config and log of each start of a run that has logged a line."""
    logs = sorted(folder.glob('*/vis_data/scalars.json'))
    return [
        log.parents[1]
        for log in logs
        if log.with_name('config.py').exists() and '\n' in log.read_text(encoding='utf-8')
    ]
