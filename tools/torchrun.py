#!/usr/bin/env python
"""Start processes as torchrun does, with its flags, but end with the failed process's message.

Called by dist_train.sh and dist_test.sh. torchrun itself ends in a traceback of the launcher, which
hides the message of the process.
"""

from __future__ import annotations

import logging
import signal
import sys

from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.run import main

REPORTED = 2  # status of a tool that has reported a user's mistake in one sentence


def launch() -> int:
    """Run all processes; return 0, or the status of the one that failed first."""
    logging.disable(logging.ERROR)  # only in this process; the trainings are other processes
    try:
        main()
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        return status_of(rank, failure.exitcode)
    return 0


def status_of(rank: int, status: int) -> int:
    """Print what a failed process could not print itself.

    Args:
        rank: Its number among all processes.
        status: Its exit status; negative for a signal.

    Returns:
        The status as shells count: 128 and the signal's number for a signal.
    """
    if status < 0:
        name = signal.Signals(-status).name
        print(f'error: process {rank} was ended by {name}{hint(-status)}.', file=sys.stderr)
        return 128 - status
    if status != REPORTED:
        print(f'error: process {rank} failed: its traceback is above.', file=sys.stderr)
    return status


def hint(number: int) -> str:
    """Return what a signal usually means."""
    return ', as when the memory is full' if number == signal.SIGKILL else ''


if __name__ == '__main__':
    sys.exit(launch())
