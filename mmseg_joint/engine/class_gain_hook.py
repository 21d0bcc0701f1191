from __future__ import annotations

from typing import Any

from mmengine.hooks import Hook
from mmseg.registry import HOOKS

from mmseg_joint.errors import JointError
from mmseg_joint.evaluation.class_iou_metric import PREFIX


@HOOKS.register_module()
class ClassGainHook(Hook):
    """Compares each class's IoU with another run's, at every validation: what does the source add?

    Both runs need `ClassIoUMetric` among their `val_evaluator`. The differences, in points, are
    logged as `gain.<class>`. They are taken against the other run's validation at the same
    iteration if there is one, else against its last.

    Args:
        reference: Work dir of the other run, such as one trained on the target alone.

    Raises:
        JointError: When the other run has logged no per-class IoU.
    """

    priority = 'LOW'

    def __init__(self, reference: str) -> None:
        self.reference = reference
        self._theirs: dict[str, dict[int, float]] = {}

    def before_train(self, runner: Any) -> None:
        """Read the other run's log."""
        from mmseg_joint.visualization.scalars import read_scalars

        self._theirs = {
            name: dict(zip(steps.tolist(), values.tolist()))
            for name, (steps, values) in read_scalars(self.reference).items()
            if name.startswith(PREFIX)
        }
        if not self._theirs:
            raise JointError(
                f'ClassGainHook.reference: {self.reference} has logged no IoU of a class: train it '
                "with dict(type='ClassIoUMetric') in val_evaluator."
            )

    def after_val_epoch(self, runner: Any, metrics: dict[str, Any] | None = None) -> None:
        """Log the differences."""
        gains = {}
        for name, value in (metrics or {}).items():
            theirs = self._theirs.get(name)
            if theirs:
                other = theirs.get(runner.iter, theirs[max(theirs)])
                gains[name.removeprefix(PREFIX)] = float(value) - other
        if gains:
            scalars = {f'gain.{name}': gain for name, gain in gains.items()}
            runner.visualizer.add_scalars(scalars, step=runner.iter)
            text = ', '.join(f'{name} {gain:+.1f}' for name, gain in gains.items())
            runner.logger.info(f'IoU over {self.reference}: {text}')
