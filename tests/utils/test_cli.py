from __future__ import annotations

import sys

import pytest

from mmseg_joint.errors import JointError
from mmseg_joint.utils.cli import run


def raising(error: Exception):
    def main() -> None:
        raise error

    return main


@pytest.mark.parametrize(
    ('error', 'message'),
    [
        (JointError('a.png is broken: copy it.'), 'error: a.png is broken: copy it.\n'),
        (
            PermissionError(13, 'Permission denied', 'a.png'),
            'error: a.png cannot be used (Permission denied): change its permissions, or name '
            'another place (--debug shows the traceback).\n',
        ),
    ],
)
def test_a_mistake_is_one_line_and_with_debug_a_traceback(monkeypatch, capsys, error, message):
    monkeypatch.setattr(sys, 'argv', ['tool.py'])
    with pytest.raises(SystemExit) as end:
        run(raising(error))
    assert (end.value.code, capsys.readouterr().err) == (2, message)
    monkeypatch.setattr(sys, 'argv', ['tool.py', '--debug'])
    with pytest.raises(type(error)):
        run(raising(error))


@pytest.mark.parametrize('error', [KeyError('a'), TypeError('b'), OSError('c'), RuntimeError('d')])
def test_unknown_errors_are_raised(monkeypatch, error):
    monkeypatch.setattr(sys, 'argv', ['tool.py'])
    with pytest.raises(type(error)) as caught:
        run(raising(error))
    assert caught.value is error


def test_a_tools_own_exit_is_left_alone(monkeypatch):
    with pytest.raises(SystemExit) as end:
        run(lambda: sys.exit(7))
    assert end.value.code == 7


def test_a_broken_pipe_that_is_not_the_output_is_raised(monkeypatch):
    monkeypatch.setattr(sys, 'argv', ['tool.py'])
    with pytest.raises(BrokenPipeError):
        run(raising(BrokenPipeError()))
