from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path

from mmseg_joint.errors import JointError, reason_of, user_message

STOPPED = 130  # a shell's exit status for a program ended by Ctrl-C
NOBODY_READS = 141  # a shell's exit status for a program with a broken output pipe
# what the user can do about a file that the system refuses
REMEDIES = {
    errno.ENOENT: 'correct the path',
    errno.EACCES: 'change its permissions, or name another place',
    errno.EPERM: 'change its permissions, or name another place',
    errno.EROFS: 'name a place that can be written',
    errno.EEXIST: 'it is in the way: name another place',
    errno.ENOTDIR: 'a file stands where a folder is needed: name another place',
    errno.EISDIR: 'name a file instead of a folder',
    errno.ENOSPC: 'make room on the disk',
    errno.EDQUOT: 'make room on the disk',
    errno.EFBIG: 'make room on the disk',
}


def run(main: Callable[[], None]) -> None:
    """Run a command-line tool; report a user's mistake in one line instead of a traceback.

    It ends quietly when the reader of its output has seen enough, like `head -1`.

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
    """Run the tool, and flush the output that Python would write only at exit."""
    try:
        main()
    except SystemExit:
        sys.stdout.flush()
        raise
    sys.stdout.flush()


def _nobody_reads() -> bool:
    """Return whether the broken pipe is our output; if so, the rest of it is dropped."""
    try:
        print(flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return True
    return False


def _message(error: Exception) -> str | None:
    """Return the sentence for the user; None for what is more likely our mistake."""
    if isinstance(error, JointError):
        return user_message(error)
    if type(error).__module__.startswith(('torch._dynamo', 'torch._inductor')):
        said = f'The model cannot be compiled ({reason_of(error)}): delete compile from the config'
    elif isinstance(error, OSError) and error.errno in REMEDIES:
        what = error.filename2 or error.filename or 'A file'
        said = f'{what} cannot be used ({error.strerror}): {REMEDIES[error.errno]}'
    else:
        return None
    return f'{said} (--debug shows the traceback).'


def existing_file(path: str, what: str) -> str:
    """Check that a file named on the command line exists; the error calls it `what`.

    Raises:
        JointError: When there is no such file.
    """
    if not Path(path).is_file():
        raise JointError(f'There is no {what} {path}: check the path.')
    return path


def positive(text: str) -> int:
    """Parse a flag's count, a whole number from 1."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f'{text} is not a whole number from 1')
    return int(text)
