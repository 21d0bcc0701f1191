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
    """A training of a row, as its logs describe it."""

    folder: Path
    labels: int | None  #: labeled target images; None for all of them
    seed: int
    cfgs: tuple[Config, ...]  #: mmengine's copies of its config, one per started stage
    miou: float | None  #: after the last iteration, in percent; None if it did not get there
    reached: str = ''  #: how far an unfinished run has come
    #: of a training iteration: the median of those logged, if any
    seconds: float | None = None
    #: each class's IoU after the last iteration, in percent, if the run has logged it
    classes: dict[str, float] = field(default_factory=dict)
    #: in MiB, of a GPU or of a process on a CPU: the maximum logged, if any
    memory: float | None = None
    #: what `GradientCosineHook` logged: name -> values by rising iteration, of all stages
    watched: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def iterations(self) -> tuple[int, ...]:
        """Iterations that its schedule asks for, per started stage."""
        return tuple(int(cfg.train_cfg.max_iters) for cfg in self.cfgs)

    @property
    def finished(self) -> bool:
        """Whether its last iteration has been validated."""
        return self.miou is not None


def folder_of(root: Path, row: Row, labels: int | None, seed: int) -> Path:
    """Return the work dir of a run."""
    return root / row.stem / ('all' if labels is None else str(labels)) / f'seed{seed}'


def find_runs(root: str | Path, row: Row) -> list[Run]:
    """Read the runs of a row: ROOT/<config>, as tools/train.py names it, and those of this tool.

    Returns:
        Its runs by labels and seed, including unfinished ones.

    Raises:
        JointError: When two have the same labels and seed, or a log is broken.
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
    begun = {name: part for name in names if (part := _read_part(folder / name))}
    if not begun:
        return None
    name, (cfg, newest) = list(begun.items())[-1]
    done, total = max(int(steps[-1]) for steps, _ in newest.values()), int(cfg.train_cfg.max_iters)
    reached = f'{done} of {total} iterations'
    ended = {key: float(v[-1]) for key, (steps, v) in newest.items() if steps[-1] == total}
    if name != names[-1]:
        ended = {}
    logs = [scalars for _, scalars in begun.values()]
    times = [seconds for log in logs if 'time' in log for seconds in log['time'][1]]
    return Run(
        folder=folder,
        labels=row.labels(cfg),
        seed=int(cfg.get('randomness', {}).get('seed') or 0),
        cfgs=tuple(part for part, _ in begun.values()),
        miou=ended.get(METRIC),
        reached=f'{reached} of stage "{name}"' if name else reached,
        seconds=float(np.median(times)) if times else None,
        classes={k.removeprefix(PREFIX): v for k, v in ended.items() if k.startswith(PREFIX)},
        memory=max(
            (float(log['memory'][1].max()) for log in logs if 'memory' in log), default=None
        ),
        watched={
            key: np.concatenate(found)
            for key in (COSINE, HELD_OUT)
            if (found := [log[key][1] for log in logs if key in log])
        },
    )


def _read_part(folder: Path) -> tuple[Config, dict[str, Series]] | None:
    """Read one work dir: its config, and what was logged."""
    logs = {}  # by start, for each that logged a line
    for log in sorted(folder.glob('*/vis_data/scalars.json')):
        text = log.read_text(encoding='utf-8')
        if '\n' in text and log.with_name('config.py').exists():
            logs[log] = text
    if not logs:
        return None
    scalars = read_scalars(folder)
    newest = ([log for log, text in logs.items() if '"loss"' in text] or list(logs))[-1]
    cfg = Config.fromfile(newest.with_name('config.py'), import_custom_modules=False)
    rename_keys(cfg)
    return cfg, scalars
