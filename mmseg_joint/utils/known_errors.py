"""What a few errors of the libraries mean for the user, who cannot read it in them."""

from __future__ import annotations

import errno
import pickle
import re
import traceback
from collections.abc import Iterator
from difflib import get_close_matches
from types import FrameType
from typing import Any

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
NO_TYPE = 'must contain the key "type"'
ARGUMENTS = re.compile(r'(\w+)\.__init__\(\) (got an unexpected keyword|missing \d+ required) .*')
PIP = re.compile(r'pip install (?:-U )?([\w-]+(?: [\w-]+)*)(?=")')
ADDRESSES = ('path', 'filename', 'url')  # what mmengine's loaders call it
CHANNELS = re.compile(r'to have (\d+) channels, but got (\d+) channels')


def explain(error: Exception) -> str | None:
    """Translate an error that a library raises for a mistake in a config or for a file.

    Args:
        error: What was caught.

    Returns:
        One sentence; None for any other error, which is perhaps a mistake in the program.
    """
    if isinstance(error, OSError):
        return _file(error)
    text = str(error.args[0]) if error.args else ''
    if isinstance(error, KeyError) and re.search(r' is not in the \S+ registry', text):
        return _unknown_type(text)
    if isinstance(error, (KeyError, TypeError)):
        return _bad_part(error, text)
    if isinstance(error, (ValueError, AssertionError)):
        return _bad_value(error, text)
    if isinstance(error, ImportError):
        return _not_installed(text)
    if isinstance(error, pickle.UnpicklingError):
        return _unsafe(error)
    if isinstance(error, RuntimeError):
        return _channels(error, text)
    return None


def _file(error: OSError) -> str | None:
    remedy = REMEDIES.get(error.errno or 0)
    if remedy is None:
        return None
    what = error.filename2 or error.filename or 'A file'
    return f'{what} cannot be used ({error.strerror}): {remedy}.'


def _unknown_type(text: str) -> str:
    from mmseg import registry  # not needed unless there is an error

    name, place = re.findall(r'^(.*?) is not in the (\S+) registry', text)[0]
    kind = place.split('::')[-1]
    known = [
        key
        for found in vars(registry).values()
        if getattr(found, 'name', None) == kind
        for parent in (found, found.parent)
        if parent is not None
        for key in parent.module_dict
    ]
    close = get_close_matches(name, known, n=1)
    hint = f'did you mean "{close[0]}"?' if close else 'name its module in custom_imports.'
    return f'The config has type="{name}", and no {kind.replace("_", " ")} has that name: {hint}'


def _bad_part(error: Exception, text: str) -> str | None:
    """An entry of the config that mmengine cannot build, since something is in it or missing."""
    frames = [frame for frame in _frames(error) if frame.f_code.co_name == 'build_from_cfg']
    if not frames:
        return None
    part = frames[-1].f_locals.get('cfg')
    if NO_TYPE in text:
        return f'The config has {_short(part)}, which needs a type: add the key.'
    if text.startswith('cfg should be a dict'):
        return f'The config has {_short(part)} where dict(type=…) is needed: correct it.'
    found = ARGUMENTS.search(text)
    if not found:
        return None
    return f'The config has {_short(part)}, but {found[0]}: correct the key.'


def _bad_value(error: Exception, text: str) -> str | None:
    """A value that the constructor of an entry of the config refuses in words."""
    frames = [frame for frame in _frames(error) if frame.f_code.co_name == 'build_from_cfg']
    if not frames or not text.strip():
        return None
    said = text.strip().split('\n')[0].rstrip('. ')
    return f'The config has {_short(frames[-1].f_locals.get("cfg"))}, but {said}: correct it.'


def _not_installed(text: str) -> str | None:
    """A package for which mmengine asks when it is needed."""
    found = PIP.search(text)
    if not found:
        return None
    return f'The config needs {found[1]}, which is not installed: run `python -m {found[0]}`.'


def _unsafe(error: Exception) -> str:
    """A checkpoint from an address, which torch itself refuses to read."""
    places = [frame.f_locals.get(name) for frame in _frames(error) for name in ADDRESSES]
    address = next((place for place in places if isinstance(place, str) and '://' in place), '')
    what = f'The checkpoint {address}' if address else 'A checkpoint'
    return f'{what} holds more than tensors, and no code of a file is run: give another file.'


def _channels(error: Exception, text: str) -> str | None:
    """A network that is given another number of channels than its config says."""
    from mmseg.registry import MODELS
    from torch import nn

    found = CHANNELS.search(text)
    modules: list[Any] = [frame.f_locals.get('self') for frame in _frames(error)]
    modules = [
        module
        for module in modules
        if isinstance(module, nn.Module) and type(module).__name__ in MODELS.module_dict
    ]
    if not found or not modules:
        return None
    model, network = modules[0], modules[-1]
    name = next((name for name, module in model.named_modules() if module is network), '')
    return (
        f'model.{name} ({type(network).__name__}) is made for {found[1]} channels and given '
        f'{found[2]}: set its in_channels to {found[2]}.'
    )


def _frames(error: Exception) -> Iterator[FrameType]:
    return (frame for frame, _ in traceback.walk_tb(error.__traceback__))


def _short(part: Any) -> str:
    """An entry of the config in a few words."""
    if not isinstance(part, dict):
        return repr(part)
    kind = part.get('type')
    if kind is not None:
        return f'type="{getattr(kind, "__name__", kind)}"'
    return f'a dict of {", ".join(map(str, part))}'
