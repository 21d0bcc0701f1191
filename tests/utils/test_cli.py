from __future__ import annotations

import errno
import sys

import pytest

from mmseg_joint.errors import JointError
from mmseg_joint.utils.cli import run


def raising(error: Exception):
    def main() -> None:
        raise error

    return main


REFUSED = 'cannot be used (Permission denied): change its permissions, or name another place'
COMPILATION = type('Unsupported', (RuntimeError,), {'__module__': 'torch._dynamo.exc'})
TRACEBACK = '(--debug shows the traceback).'


@pytest.mark.parametrize(
    ('error', 'message'),
    [
        (JointError('a.png is broken: copy it.'), 'a.png is broken: copy it.'),
        (
            PermissionError(errno.EACCES, 'Permission denied', 'a.png'),
            f'a.png {REFUSED} {TRACEBACK}',
        ),
        (
            NotADirectoryError(errno.ENOTDIR, 'Not a directory', 'file/x'),
            'file/x cannot be used (Not a directory): a file stands where a folder is needed: name '
            f'another place {TRACEBACK}',
        ),
        (
            PermissionError(errno.EACCES, 'Permission denied', 'a.part', None, 'a.png'),
            f'a.png {REFUSED} {TRACEBACK}',  # the name that a rename was to give
        ),
        (
            OSError(errno.ENOSPC, 'No space left on device'),
            f'A file cannot be used (No space left on device): make room on the disk {TRACEBACK}',
        ),
        (
            COMPILATION('a dict with items.\nand so on'),
            'The model cannot be compiled (a dict with items): delete compile from the config '
            f'{TRACEBACK}',
        ),
    ],
)
def test_a_mistake_is_one_line_and_with_debug_a_traceback(monkeypatch, capsys, error, message):
    monkeypatch.setattr(sys, 'argv', ['tool.py'])
    with pytest.raises(SystemExit) as end:
        run(raising(error))
    assert (end.value.code, capsys.readouterr().err) == (2, f'error: {message}\n')
    monkeypatch.setattr(sys, 'argv', ['tool.py', '--debug'])
    with pytest.raises(type(error)):
        run(raising(error))


@pytest.mark.parametrize(
    'error',
    [
        KeyError(),
        KeyError(3),
        TypeError("A.__init__() got an unexpected keyword argument 'x'"),  # not of a config
        RuntimeError('expected input to have 3 channels, but got 4 channels instead'),
        RuntimeError('out of memory'),
        OSError('of a library'),
        ValueError('a'),
    ],
)
def test_unknown_errors_are_raised(monkeypatch, error):
    monkeypatch.setattr(sys, 'argv', ['tool.py'])
    with pytest.raises(type(error)) as caught:
        run(raising(error))
    assert caught.value is error


@pytest.mark.parametrize(('reason', 'said'), [((), 'stopped'), (('saved',), 'stopped: saved')])
def test_a_stopped_tool_says_so(capsys, reason, said):
    with pytest.raises(SystemExit) as end:
        run(raising(KeyboardInterrupt(*reason)))
    assert (end.value.code, capsys.readouterr().err) == (130, f'{said}\n')


def test_a_tools_own_exit_is_left_alone(monkeypatch):
    with pytest.raises(SystemExit) as end:
        run(lambda: sys.exit(7))
    assert end.value.code == 7


def test_a_broken_pipe_that_is_not_the_output_is_raised(monkeypatch):
    monkeypatch.setattr(sys, 'argv', ['tool.py'])
    with pytest.raises(BrokenPipeError):
        run(raising(BrokenPipeError()))
