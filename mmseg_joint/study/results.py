"""What a study has measured so far, ready to be written down."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import mean

from .cells import Cell, Selection, measure
from .methods import JOINT, SOURCE_ONLY, TARGET_ONLY
from .statistics import Gain, LabelsNeeded, Scores, gain_of, labels_needed, paired
from .study import SCALE, Study

UNEVEN = 1.5  # from here on, runs alike differ too much in speed


@dataclass(frozen=True)
class Results:
    """The finished runs of a study."""

    study: Study
    cells: tuple[Cell, ...]  #: a method with one number of labels each, as far as a run has begun

    @classmethod
    def read(cls, study: Study) -> Results:
        """Read the logs of all runs.

        Raises:
            JointError: When runs of one method and number of labels were trained differently.
        """
        cells = measure(study, study.folder, Selection(SCALE))
        begun = [cell for cell in cells if cell.runs or cell.unfinished]
        order = {name: number for number, name in enumerate(study.names)}
        begun.sort(key=lambda cell: (cell.labels or 0, order[cell.row.name]))
        return cls(study, tuple(begun))

    @property
    def measured(self) -> list[Cell]:
        """Those with a finished run."""
        return [cell for cell in self.cells if cell.runs]

    @property
    def counts(self) -> list[int]:
        """Numbers of labels with a finished run, rising."""
        return sorted({cell.labels or 0 for cell in self.measured})

    def at(self, labels: int) -> list[Cell]:
        """The cells with a number of labels and a finished run."""
        return [cell for cell in self.measured if (cell.labels or 0) == labels]

    def find(self, name: str, labels: int) -> Cell | None:
        """The finished runs of a method with a number of labels, if there are any."""
        return next((cell for cell in self.at(labels) if cell.row.name == name), None)

    def base_of(self, cell: Cell, name: str = TARGET_ONLY) -> Cell | None:
        """What a cell is compared with: the same labels; source only where there are none."""
        found = self.find(name if cell.labels else SOURCE_ONLY, cell.labels or 0)
        return None if found is cell else found

    def gain(self, cell: Cell, over: str = TARGET_ONLY) -> Gain | None:
        """How far a method is above another with as many labels."""
        base = self.base_of(cell, over)
        return gain_of(paired(scores(cell), scores(base))) if base else None

    def class_gains(self, cell: Cell) -> dict[str, Gain]:
        """Likewise, each class's IoU."""
        base = self.base_of(cell)
        found = {}
        for name in self.classes if base else ():
            own, others = (scores(c, of_class(name)) for c in (cell, base) if c)
            gain = gain_of(paired(own, others))
            if gain:
                found[name] = gain
        return found

    @property
    def classes(self) -> list[str]:
        """All classes that a run has logged."""
        runs = [run for cell in self.measured for run in cell.runs]
        return list(dict.fromkeys(name for run in runs for name in run.classes))

    def class_means(self, cell: Cell) -> dict[str, float]:
        """Each class's IoU in percent, its mean over the seeds."""
        found = {name: scores(cell, of_class(name)) for name in self.classes}
        return {name: mean(values.values()) for name, values in found.items() if values}

    def needed(self, cell: Cell) -> LabelsNeeded | None:
        """How many labels target-only training needs for a method's score."""
        curve = {
            other.labels: scores(other)
            for other in self.measured
            if other.row.name == TARGET_ONLY and other.labels
        }
        is_point = cell.row.name == TARGET_ONLY or not cell.labels
        return None if is_point else labels_needed(curve, scores(cell))

    def seconds(self, cell: Cell) -> list[float]:
        """Of an iteration, of each run that has logged it, rising."""
        return sorted(run.seconds for run in cell.runs if run.seconds)

    def memory(self, cell: Cell) -> float | None:
        """In MiB, the most that a run logged."""
        return max((run.memory for run in cell.runs if run.memory), default=None)

    @property
    def has_joint(self) -> bool:
        """Whether there is something to compare with joint training."""
        return JOINT in self.study.names and len(self.study.names) > 1


def is_uneven(seconds: Sequence[float]) -> bool:
    """Whether runs alike took so different times, rising, that the machine must have been busy."""
    return bool(seconds) and seconds[-1] > UNEVEN * seconds[0]


def of_class(name: str) -> Callable:
    """Make what reads a class's IoU from a run."""
    return lambda run: run.classes.get(name)


def scores(cell: Cell, value: Callable = lambda run: run.miou) -> Scores:
    """Seed -> score in percent (by default the mIoU) of each finished run that has one."""
    found = {run.seed: value(run) for run in cell.runs}
    return {seed: score for seed, score in found.items() if score is not None}
