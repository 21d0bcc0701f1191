"""Runs command lines in forks of one process that has already imported everything.

The tests talk to it through :class:`CommandLines`; `python -m tests.tools.fork_server` is the
process. It has no GPU, since CUDA cannot be used in forks.
"""

from __future__ import annotations

import ctypes
import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import traceback
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from tests.tiny_configs import ROOT

LINUX_CAPABILITY_VERSION_3 = 0x20080522
LONGEST = 240  # seconds, after which a hanging command line is killed


class Ended(NamedTuple):
    """The result of a command line: its exit status and output."""

    status: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Order:
    """A command line and the conditions under which it runs.

    Args:
        tool: A script, or the name of a module for `python -m`.
        arguments: Its arguments.
        cwd: The folder that it is called from.
        environment: Variables set for it.
        room: Bytes that a file may have before the disk refuses it; None for no limit.
        without: Packages hidden from it.
    """

    tool: str
    arguments: tuple[str, ...]
    cwd: str
    environment: dict[str, str]
    room: int | None = None
    without: tuple[str, ...] = ()


class CommandLines:
    """The tests' side: starts the process, and lets it run command lines."""

    def __init__(self) -> None:
        environment = {**os.environ, 'PYTHONPATH': str(ROOT), 'CUDA_VISIBLE_DEVICES': ''}
        self._process = subprocess.Popen(
            [sys.executable, '-m', 'tests.tools.fork_server'],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def run(self, tool: str | Path, *arguments: Any, cwd: Path, **conditions: Any) -> Ended:
        """Run a command line, as :class:`Order` describes it, to its end."""
        environment = conditions.pop('environment', {})
        order = Order(str(tool), tuple(map(str, arguments)), str(cwd), environment, **conditions)
        with tempfile.TemporaryDirectory() as folder:
            self._process.stdin.write(json.dumps([vars(order), folder]) + '\n')
            self._process.stdin.flush()
            status = int(self._process.stdout.readline())
            written = [Path(folder, name).read_text() for name in ('stdout', 'stderr')]
        return Ended(status, *written)

    def __enter__(self) -> CommandLines:
        return self

    def __exit__(self, *error: object) -> None:
        """End the process; forks of this one may hold its stdin open, so it cannot wait for it."""
        self._process.kill()
        self._process.__exit__(*error)


def serve() -> None:
    """Fork a child for every order on stdin; write its exit status to stdout."""
    # only the answers go there, not what an import prints
    answers = os.fdopen(os.dup(1), 'w')
    os.dup2(2, 1)
    import mmseg_joint.doctor.examine
    import mmseg_joint.tables.figure  # noqa: F401
    from tests.shortcuts import import_ahead, take_shortcuts

    import_ahead()
    take_shortcuts()
    for line in sys.stdin:
        order, folder = json.loads(line)
        child = os.fork()
        if child == 0:
            _become(Order(**order), Path(folder))
        os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child, signal.SIGKILL)  # anything it left running
        _, ended = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(ended), file=answers, flush=True)


def _become(order: Order, folder: Path) -> NoReturn:
    """Be the process that the command line would start, to its end."""
    status = 1
    os.setsid()  # so that its own children can be killed with it
    signal.alarm(LONGEST)
    try:
        _redirect(folder)
        _set_conditions(order)
        status = _exit_status(order)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _redirect(folder: Path) -> None:
    for number, name in ((1, 'stdout'), (2, 'stderr')):
        stream = (folder / name).open('w')
        os.dup2(stream.fileno(), number)
        setattr(sys, name, stream)


def _set_conditions(order: Order) -> None:
    _bow_to_file_modes()
    os.chdir(order.cwd)
    os.environ.update(order.environment)
    for name in order.without:
        sys.modules[name] = None
    if order.room is not None:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (order.room, resource.RLIM_INFINITY))


def _bow_to_file_modes() -> None:
    """Make root respect file permissions, too."""
    if os.geteuid() == 0 and sys.platform == 'linux':
        header = (ctypes.c_uint32 * 2)(LINUX_CAPABILITY_VERSION_3, 0)
        nothing = (ctypes.c_uint32 * 6)()
        ctypes.CDLL(None).capset(header, nothing)


def _exit_status(order: Order) -> int:
    """Run the tool as `python` does."""
    is_script = order.tool.endswith('.py')
    sys.argv = [order.tool, *order.arguments]
    sys.path[0] = str(Path(order.tool).parent) if is_script else order.cwd
    try:
        if is_script:
            runpy.run_path(order.tool, run_name='__main__')
        else:
            runpy.run_module(order.tool, run_name='__main__', alter_sys=True)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    serve()
