"""What a study has measured so far, prepared for the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

from .cells import Cell, Selection, measure
from .methods import SOURCE_ONLY, TARGET_ONLY
from .statistics import Gain, LabelsNeeded, gain_of, labels_needed, paired
from .study import SCALE, Study

UNEVEN = 1.5  # above this ratio, equal runs differ too much in speed


@dataclass(frozen=True)
class Results:
    """The finished runs of a study."""

    study: Study
    cells: tuple[Cell, ...]  #: one per method and number of labels, by rising number of labels

    @classmethod
    def read(cls, study: Study) -> Results:
        """Read the logs of all runs.

        Raises:
            JointError: When runs of one method and number of labels were trained differently.
        """
        cells = measure(study, study.folder, Selection(SCALE))
        return cls(study, tuple(sorted(cells, key=lambda cell: cell.labels or 0)))

    @property
    def measured(self) -> list[Cell]:
        """The cells with a finished run."""
        return [cell for cell in self.cells if cell.runs]

    @property
    def counts(self) -> list[int]:
        """Numbers of labels with a finished run, in rising order."""
        return sorted({cell.labels or 0 for cell in self.measured})

    def at(self, labels: int) -> list[Cell]:
        """The cells with a number of labels and a finished run."""
        return [cell for cell in self.measured if (cell.labels or 0) == labels]

    def find(self, name: str, labels: int) -> Cell | None:
        """The finished runs of a method with a number of labels, if there are any."""
        return next((cell for cell in self.at(labels) if cell.row.name == name), None)

    def base_of(self, cell: Cell, name: str = TARGET_ONLY) -> Cell | None:
        """Find the cell to compare with: the same labels; source only at 0 labels."""
        found = self.find(name if cell.labels else SOURCE_ONLY, cell.labels or 0)
        return None if found is cell else found

    def gain(self, cell: Cell, over: str = TARGET_ONLY) -> Gain | None:
        """Return the gain of a method over another with the same number of labels."""
        base = self.base_of(cell, over)
        return gain_of(paired(cell.scores(), base.scores())) if base else None

    def class_gains(self, cell: Cell) -> dict[str, Gain]:
        """Return the gain of each class's IoU, likewise."""
        base, found = self.base_of(cell), {}
        for name in self.classes if base else ():
            own, others = (c.scores(name) for c in (cell, base) if c)
            if gain := gain_of(paired(own, others)):
                found[name] = gain
        return found

    @property
    def classes(self) -> list[str]:
        """All classes that a run has logged."""
        runs = [run for cell in self.measured for run in cell.runs]
        return list(dict.fromkeys(name for run in runs for name in run.classes))

    def class_means(self, cell: Cell) -> dict[str, float]:
        """Each class's IoU in percent, its mean over the seeds."""
        found = {name: cell.scores(name) for name in self.classes}
        return {name: mean(values.values()) for name, values in found.items() if values}

    def needed(self, cell: Cell) -> LabelsNeeded | None:
        """How many labels target-only training needs for a method's score."""
        points = [c for c in self.measured if c.row.name == TARGET_ONLY]
        if cell.row.name == TARGET_ONLY or not cell.labels:
            return None
        return labels_needed({c.labels: c.scores() for c in points if c.labels}, cell.scores())

    def seconds(self, cell: Cell) -> list[float]:
        """Seconds per iteration of each run that logged them, in rising order."""
        return sorted(run.seconds for run in cell.runs if run.seconds)

    def memory(self, cell: Cell) -> float | None:
        """Peak memory in MiB, the maximum over the runs."""
        return max((run.memory for run in cell.runs if run.memory), default=None)


def is_uneven(seconds: Sequence[float]) -> bool:
    """Whether equal runs' times, rising, differ so much that the machine must have been busy."""
    return bool(seconds) and seconds[-1] > UNEVEN * seconds[0]
