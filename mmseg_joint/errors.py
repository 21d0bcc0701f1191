from __future__ import annotations


class JointError(ValueError):
    """A mistake in the user's data or config, in one sentence.

    The sentence names the file or the config key and says what to do. The command-line tools print
    it without a traceback.
    """


def user_message(error: BaseException) -> str:
    """Return the one sentence of an error, even if it comes from a data loader's worker.

    PyTorch gives a worker's exception the worker's whole traceback as its text; the sentence is its
    last line. An error that is not a :class:`JointError` keeps its text.
    """
    text = str(error).strip()
    marker = f'{JointError.__module__}.{JointError.__qualname__}: '
    for line in reversed(text.splitlines()):
        if line.startswith(marker):
            return line[len(marker) :].strip()
    return text


def reason_of(error: BaseException) -> str:
    """Return the first line of any error, to quote in a sentence, or its type if it has no text."""
    text = error.args[0] if isinstance(error, KeyError) and error.args else error
    return str(text).strip().split('\n')[0].rstrip('. ') or type(error).__name__
