from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from mmseg_joint.errors import JointError, user_message
from mmseg_joint.utils.error_hints import hint

STOPPED = 130  # how a shell counts the end of a program by Ctrl-C
NOBODY_READS = 141  # how a shell counts the end of a program whose output nobody reads


def run(main: Callable[[], None]) -> None:
    """Run a command-line tool; tell a user's mistake in one line instead of a traceback.

    It ends quietly when what reads its output has seen enough, like `head -1`.

    Args:
        main: The tool. `--debug` on its command line shows the traceback.
    """
    try:
        _run_and_flush(main)
    except KeyboardInterrupt as stop:
        print(f'stopped{": " if str(stop) else ""}{stop}', file=sys.stderr)
        sys.exit(STOPPED)
    except Exception as error:
        if isinstance(error, BrokenPipeError) and _nobody_reads():
            sys.exit(NOBODY_READS)
        message = None if '--debug' in sys.argv else _message(error)
        if message is None:
            raise
        print(f'error: {message}', file=sys.stderr)
        sys.exit(2)


def _run_and_flush(main: Callable[[], None]) -> None:
    """Run it; what Python would write only at its end is written here."""
    try:
        main()
    except SystemExit:
        sys.stdout.flush()
        raise
    sys.stdout.flush()


def _nobody_reads() -> bool:
    """Whether the pipe that broke is our output; if so, the rest of it is dropped."""
    try:
        print(flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return True
    return False


def _message(error: Exception) -> str | None:
    """The sentence for the user; None for what is likelier a mistake of ours."""
    if isinstance(error, JointError):
        return user_message(error)
    message = hint(error)
    return message and f'{message.rstrip(".")} (--debug shows the traceback).'


def existing_file(path: str, what: str) -> str:
    """Check that a file named on the command line exists; `what` it is goes into the sentence.

    Raises:
        JointError: When there is no such file.
    """
    if not Path(path).is_file():
        raise JointError(f'There is no {what} {path}: check the path.')
    return path


def positive(text: str) -> int:
    """Read a flag's number of things, a whole number from 1."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f'{text} is not a whole number from 1')
    return int(text)
