from __future__ import annotations

import traceback
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import mmengine
from mmengine.config import Config
from mmseg.registry import MODELS

from mmseg_joint.engine.sections import CONFIG_READS, check_sections
from mmseg_joint.engine.stages import config_of_checkpoint
from mmseg_joint.errors import JointError, reason_of
from mmseg_joint.utils.cli import existing_file
from mmseg_joint.utils.renamed import rename_keys
from mmseg_joint.utils.walk import class_of, value_of

SUFFIXES = ('.py', '.json', '.yaml', '.yml')


def read_config(
    path: str, options: dict[str, Any] | None = None, import_custom_modules: bool = True
) -> Config:
    """Read a config named on the command line.

    Args:
        path: Its file.
        options: Dotted key -> value that replaces the config's.
        import_custom_modules: Import the modules named in its `custom_imports`.

    Raises:
        JointError: When it or a base cannot be read, an option has no place in it, or a section has
            the wrong type.
    """
    existing_file(path, 'config')
    if Path(path).suffix not in SUFFIXES:
        raise JointError(f'The config {path} is not named like one: end it in .py.')
    try:
        cfg = Config.fromfile(path, import_custom_modules=import_custom_modules)
    except JointError:
        raise
    except Exception as error:  # a config is Python: it can raise anything
        raise JointError(_why_unreadable(error, path)) from error
    for key in options or {}:
        _check_place(cfg, key, path)
    cfg.merge_from_dict(options or {})
    rename_keys(cfg, path)
    check_sections(cfg)
    return cfg


def read_config_of(checkpoint: str, path: str, options: dict[str, Any] | None = None) -> Config:
    """Read the config that a checkpoint was trained with; with stages, that of its own stage.

    Args:
        checkpoint: The checkpoint's file.
        path: As for :func:`read_config`.
        options: Likewise.

    Raises:
        JointError: As :func:`read_config`; also when its stages are malformed.
    """
    cfg = read_config(path, options)
    cfg.setdefault('work_dir', str(Path('work_dirs') / Path(path).stem))
    return config_of_checkpoint(cfg, checkpoint)


def config_value(cfg: Config, key: str) -> Any:
    """Read the value of a dotted key.

    Raises:
        JointError: When the config has no such key.
    """
    value = value_of(cfg, key)
    if value is None:
        raise JointError(f'The config {cfg.filename or ""} has no {key}, which is needed.')
    return value


def objective_name(cfg: Config, kind: type, remedy: str) -> str:
    """Return the name of a config's first objective of a kind.

    Raises:
        JointError: When it has none; `remedy` says what to do then.
    """
    for name, objective in (config_value(cfg, 'model').get('objectives') or {}).items():
        found = class_of((objective or {}).get('type'), MODELS)
        if found is not None and issubclass(found, kind):
            return name
    raise JointError(
        f'The config {cfg.filename or ""} has no {kind.__name__} in model.objectives: {remedy}.'
    )


def _why_unreadable(error: Exception, path: str) -> str:
    culprit, line = _place(error, path)
    missing = getattr(error, 'filename', None)
    if isinstance(error, FileNotFoundError) and line is None and str(missing).endswith(SUFFIXES):
        return f'{culprit} names the base {missing}, which is not there: correct its _base_.'
    inner = error.__cause__.__context__ if error.__cause__ else error
    frames = traceback.extract_tb(inner.__traceback__ if inner else None)
    if inner and any(frame.name == 'import_modules_from_strings' for frame in frames):
        return _why_not_imported(inner, frames, path)
    where = f'{culprit}, line {line},' if line else culprit
    reason = error.msg if isinstance(error, SyntaxError) else reason_of(error)
    return f'{where} cannot be read ({type(error).__name__}: {reason}): correct it.'


def _why_not_imported(error: BaseException, frames: traceback.StackSummary, path: str) -> str:
    reason = f'{type(error).__name__}: {reason_of(error)}'
    if isinstance(error, SyntaxError):  # its file is not in any frame
        frames.append(traceback.FrameSummary(str(error.filename), error.lineno or 1, ''))
    last = [frame for frame in frames if '<' not in frame.filename][-1]
    if isinstance(error, ModuleNotFoundError) and Path(last.filename).parent.name == 'importlib':
        return (
            f'custom_imports in {path} names a module that is not found ({reason}): correct its '
            'name, or set PYTHONPATH to the folder that it lies in.'
        )
    return (
        f'custom_imports in {path} names a module that cannot be imported ({last.filename}, line '
        f'{last.lineno}: {reason}): correct it there.'
    )


def _place(error: Exception, path: str) -> tuple[str, int | None]:
    """Find the config or base file in which an error lies, and the line if it is known."""
    culprit, line = path, None
    for frame, number in traceback.walk_tb(error.__traceback__):
        name = frame.f_locals.get('filename')
        # mmengine's reader goes from base to base; its copies of them are gone by now
        if frame.f_code.co_filename.startswith(str(Path(mmengine.__file__).parent)):
            if isinstance(name, (str, Path)) and Path(name).is_file():
                culprit, line = str(name), None
        elif frame.f_code.co_filename == culprit:
            line = number
    if isinstance(error, SyntaxError):
        line = error.lineno
    return culprit, line


def _check_place(cfg: Config, key: str, path: str) -> None:
    """Refuse a key that nothing would read, or that leads through a value without keys."""
    first, *inner = key.split('.')
    known = [*cfg, *CONFIG_READS]
    if first not in known:
        close = get_close_matches(first, known, n=1)
        hint = f'did you mean {close[0]}?' if close else f'choose from {", ".join(cfg)}.'
        raise JointError(f'--cfg-options {key}: {path} has no {first}; {hint}')
    if first not in cfg:
        return
    node, place = cfg[first], first
    for part in inner:
        if isinstance(node, (list, tuple)):
            if not part.isdigit() or int(part) >= len(node):
                raise JointError(
                    f'--cfg-options {key}: {place} is a list of {len(node)}, counted from 0, and '
                    f'has no {part}: correct the number.'
                )
            node = node[int(part)]
        elif isinstance(node, dict):
            if part not in node:
                return
            node = node[part]
        else:
            raise JointError(
                f'--cfg-options {key}: {place} is {node!r} in {path} and holds no {part}: change '
                f'{place} as a whole, in a child config if need be.'
            )
        place = f'{place}.{part}'
