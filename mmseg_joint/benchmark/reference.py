from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from mmengine.config import Config

from mmseg_joint.errors import JointError

PACKAGE = 'mmseg_joint_reference'  # not `tests.reference`: other packages have a `tests` too
FOLDER = Path(__file__).resolve().parents[2] / 'tests' / 'reference'


def reference(name: str) -> ModuleType:
    """Import a hand-written loop, a module of `tests/reference`, which only a checkout has.

    Raises:
        JointError: When this is not a checkout.
    """
    if not (FOLDER / f'{name}.py').is_file():
        raise JointError(
            'The hand-written loops lie in tests/reference of a checkout, and are not installed: '
            'clone the repository and measure there.'
        )
    if PACKAGE not in sys.modules:
        spec: Any = spec_from_file_location(
            PACKAGE, FOLDER / '__init__.py', submodule_search_locations=[str(FOLDER)]
        )
        sys.modules[PACKAGE] = module_from_spec(spec)
    return import_module(f'{PACKAGE}.{name}')


def start_sequential(cfg: Config) -> Any:
    """Build the sequential loop; a new process can import this function, but not the loop."""
    return reference('sequential').start_sequential(cfg)
