"""Tools as modules, whose functions tests call and replace."""

from __future__ import annotations

import runpy
import sys
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType, SimpleNamespace

from tests.tiny_configs import ROOT


def load_tool(name: str) -> ModuleType:
    """Import `tools/<name>.py`, anew on each call."""
    spec = spec_from_file_location(name.rpartition('/')[2], ROOT / f'tools/{name}.py')
    tool = module_from_spec(spec)
    spec.loader.exec_module(tool)
    return tool


def train_here(patch, job) -> SimpleNamespace:
    """Train a run in this process, which takes less time than importing all libraries for it.

    Returns what a process that has ended would say.
    """
    status = 0
    with patch.context() as patched:
        patched.setattr(sys, 'argv', [str(ROOT / 'tools/train.py'), *job.arguments])
        try:
            runpy.run_path(sys.argv[0], run_name='__main__')
        except SystemExit as stop:
            status = stop.code
    return SimpleNamespace(returncode=status, poll=lambda: status)
