from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

from mmengine.runner import CheckpointLoader

from mmseg_joint.checkpoints.read import REMEDY, UNSAFE, read_content
from mmseg_joint.checkpoints.safe_globals import weights_only
from mmseg_joint.errors import JointError

MARK = '_weights_only'  # mmengine logs a loader's name, so the log says which one read a file


def enforce_weights_only() -> None:
    """Keep mmengine's own reading of checkpoints from running any code in a file.

    mmengine reads whatever `load_from`, `resume` and `init_cfg` name with one loader per scheme. If
    torch refuses a file, these loaders read it again without torch's protection. So local files are
    read here instead, and files from other addresses under torch's own switch.
    """
    for scheme, loader in list(CheckpointLoader._schemes.items()):
        if not loader.__name__.endswith(MARK):
            safe = load_from_local_weights_only if scheme == '' else _protected(loader)
            CheckpointLoader.register_scheme(scheme, safe, force=True)


def load_from_local_weights_only(path: str, map_location: Any = None) -> Any:
    """Replace mmengine's loader of local files."""
    return read_content(path, map_location)


def _protected(loader: Callable[..., Any]) -> Callable[..., Any]:
    def load(path: str, *args: Any, **kwargs: Any) -> Any:
        try:
            with weights_only():
                return loader(path, *args, **kwargs)
        except pickle.UnpicklingError as error:
            message = f'The checkpoint {path} cannot be loaded ({UNSAFE}): {REMEDY}.'
            raise JointError(message) from error

    load.__name__ = loader.__name__ + MARK
    return load
