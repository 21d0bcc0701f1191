from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from mmseg_joint.errors import JointError, sentence


def run(main: Callable[[], None]) -> None:
    """Run a command-line tool; tell a user's mistake in one line instead of a traceback.

    Args:
        main: The tool. `--debug` on its command line shows the traceback.
    """
    try:
        main()
    except Exception as error:
        told = None if '--debug' in sys.argv else _told(error)
        if told is None:
            raise
        print(f'error: {told}', file=sys.stderr)
        sys.exit(2)


def _told(error: Exception) -> str | None:
    """The sentence for the user; None for what is likelier a mistake of ours."""
    if isinstance(error, JointError):
        return sentence(error)
    from mmseg_joint.utils.known_errors import explain  # the doctor starts without its imports

    told = explain(error)
    return told and f'{told.rstrip(".")} (--debug shows the traceback).'


def existing_file(path: str, what: str) -> str:
    """Check that a file named on the command line exists.

    Args:
        path: The file.
        what: What it is, for the sentence, e.g. `'config'`.

    Returns:
        The path.

    Raises:
        JointError: There is no such file.
    """
    if not Path(path).is_file():
        raise JointError(f'There is no {what} {path}: check the path.')
    return path
