"""The checks before a training or a test begins: one list, which the doctor goes through too.

A check is a function that raises :class:`~mmseg_joint.errors.JointError`, one sentence that names
the key or the file and the remedy. Its moment says when it can run and what it takes:

=============  ========================================  =========================================
moment         takes                                     when
=============  ========================================  =========================================
`'config'`     `cfg`                                     before anything is built
`'advice'`     `cfg`                                     the same, but training only warns
`'model'`      `cfg, model`                              the model has been built
`'weights'`    `cfg, model`                              the same, where the user names a checkpoint
`'objective'`  `cfg, name, objective`                    for each of the model's objectives
`'data'`       `model, dataset, key of the dataset`      the datasets have been built
`'files'`      the same                                  likewise; the doctor reads the files
=============  ========================================  =========================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

from mmseg_joint.checkpoints.fit import check_checkpoint
from mmseg_joint.engine.sections import check_names, check_sections
from mmseg_joint.errors import JointError

from .domains import check_batch, check_endless, check_followers, check_objective
from .hooks import check_backends, check_best
from .launcher import check_launcher
from .model import check_classes, watch_channels
from .parts import check_parts
from .pipelines import check_pipelines, check_zero_labels
from .samples import check_paths, check_sizes
from .schedules import (
    check_begins,
    check_ends,
    check_lengths,
    check_networks,
    check_units,
    check_warm_ups,
)
from .values import check_loops, check_needed, check_numbers, check_workers
from .weights import check_files

BOTH = ('train', 'test')


class Check(NamedTuple):
    """An entry of the list."""

    moment: str  #: when it can run
    run: Callable[..., None]
    tasks: tuple[str, ...] = BOTH  #: what it runs for: `'train'`, `'test'` or both


# in this order: the later ones rely on what the earlier ones have checked
CHECKS = (
    Check('config', check_sections),  # again, of a config that was not read from a file
    Check('config', check_names),
    Check('config', check_launcher),
    *(Check('config', partial(check_needed, task=task), (task,)) for task in BOTH),
    Check('config', check_numbers),
    *(Check('config', partial(check_workers, task=task), (task,)) for task in BOTH),
    Check('config', check_loops),
    *(Check('config', partial(check_parts, task=task), (task,)) for task in BOTH),
    Check('config', check_best),
    Check('config', check_backends),
    Check('config', check_pipelines),
    Check('config', check_zero_labels),
    Check('config', check_files, ('train',)),
    Check('config', check_batch, ('train',)),
    Check('config', check_endless, ('train',)),
    Check('config', check_networks),
    Check('config', check_begins, ('train',)),
    Check('config', check_followers, ('train',)),
    Check('advice', check_units, ('train',)),
    Check('advice', check_warm_ups, ('train',)),
    Check('advice', check_ends, ('train',)),
    Check('advice', check_lengths, ('train',)),
    Check('model', watch_channels),
    Check('objective', check_objective, ('train',)),
    *(Check('weights', partial(check_checkpoint, task=task), (task,)) for task in BOTH),
    Check('data', check_classes),
    Check('data', check_paths),
    Check('files', check_sizes),
)


def findings(moment: str, task: str, *things: Any) -> Iterator[JointError]:
    """Run the checks of a moment with the arguments that the table above names.

    Yields:
        What each check finds, before the next one runs.
    """
    found = False
    for check in CHECKS:
        if check.moment == moment and task in check.tasks:
            try:
                check.run(*things)
            except JointError as error:
                found = True
                yield error
            except Exception:
                if not found:  # else it relies on what an earlier check has refused
                    raise


def refuse(moment: str, task: str, *things: Any) -> None:
    """Raise the first of a moment's :func:`findings`."""
    for error in findings(moment, task, *things):
        raise error
