from __future__ import annotations

import errno

import pytest
import torch

from mmseg_joint.utils.error_hints import hint


def caught(function, *arguments) -> Exception:
    with pytest.raises(Exception) as found:
        function(*arguments)
    return found.value


def test_files_that_the_system_refuses(tmp_path):
    (tmp_path / 'file').touch()
    for path, reason in (('gone', 'correct the path'), ('file/x', 'where a folder is needed')):
        message = hint(caught(open, tmp_path / path))
        assert str(tmp_path / path) in message and reason in message
    message = hint(caught(open, tmp_path))
    assert 'name a file instead of a folder' in message
    full = OSError(errno.ENOSPC, 'No space left on device')
    assert hint(full) == 'A file cannot be used (No space left on device): make room on the disk.'


def test_a_failed_compilation():
    error = type('Unsupported', (RuntimeError,), {'__module__': 'torch._dynamo.exc'})
    message = hint(error('a dict with items.\nand so on'))
    assert message == (
        'The model cannot be compiled (a dict with items): delete compile from the config.'
    )


def raise_(error: Exception) -> None:
    raise error


@pytest.mark.parametrize(
    'error',
    [
        KeyError('a'),
        KeyError(3),
        KeyError(),
        TypeError("A.__init__() got an unexpected keyword argument 'x'"),  # not of a config
        RuntimeError('expected input to have 3 channels, but got 4 channels instead'),
        RuntimeError('out of memory'),
        OSError('of a library'),
        ValueError('a'),
    ],
)
def test_other_errors_are_not_the_users(error):
    assert hint(caught(raise_, error)) is None


def test_channels_outside_of_a_model_are_not_the_users():
    assert hint(caught(torch.nn.Conv2d(3, 4, 1), torch.zeros(1, 5, 4, 4))) is None
