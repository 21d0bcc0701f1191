"""Checks of what is installed. Nothing that may be missing is imported at the top."""

from __future__ import annotations

import importlib
import importlib.util
import os
import platform
import sys
from pathlib import Path
from types import ModuleType

from mmseg_joint.errors import reason_of
from mmseg_joint.stack import TESTED, check_timm, installed_line
from mmseg_joint.version import __version__

from .report import Report

# import name -> distribution name for pip
BASE = {
    'torch': 'torch',
    'numpy': 'numpy',
    'cv2': 'opencv-python',
    'PIL': 'Pillow',
    'matplotlib': 'matplotlib',
    'tqdm': 'tqdm',
    'scipy': 'scipy',
    'filelock': 'filelock',
    'markdown_it': 'markdown-it-py',
}
OPTIONAL = {'safetensors': 'tools/export_checkpoint.py --safetensors'}
OLDEST_PYTHON, OLDEST_TORCH = (3, 10), (2, 4)
INSTALL = 'python -m pip install'


def check_environment(report: Report) -> bool:
    """Report versions, hardware, and what is missing, with the command that installs it.

    Returns:
        Whether the package can be imported.
    """
    before = len(report.problems)
    report.title('installation')
    report.line('mmseg_joint', __version__)
    report.line('python', platform.python_version())
    if sys.version_info[:2] < OLDEST_PYTHON:
        report.problem(f'Python {platform.python_version()} is too old: use 3.10 or later.')
    modules = _import_base(report)
    _check_stack(report)
    if 'torch' in modules:
        _check_torch(report, modules['torch'])
    for name, purpose in OPTIONAL.items():
        if importlib.util.find_spec(name) is None:
            report.line(name, f'not installed; for {purpose}: {INSTALL} {name}')
    return len(report.problems) == before


def _import_base(report: Report) -> dict[str, ModuleType]:
    found, missing = {}, []
    for name, distribution in BASE.items():
        try:
            found[name] = importlib.import_module(name)
            report.line(name, getattr(found[name], '__version__', 'found'))
        except Exception as error:  # a broken library can raise anything
            if _absent(error) == name:
                missing.append(distribution)
            else:
                report.problem(_broken(name, distribution, error))
    if missing:
        tail = ' (for CPU only, install the CPU build first).' if 'torch' in missing else '.'
        verb = 'is' if len(missing) == 1 else 'are'
        names = ' '.join(missing)
        report.problem(f'{", ".join(missing)} {verb} missing: run `{INSTALL} {names}`{tail}')
    return found


def _check_stack(report: Report) -> None:
    try:
        installed = installed_line()
        check_timm()
    except ImportError as error:
        report.problem(error)
        return
    for name, (distribution, version) in installed.items():
        tested = TESTED[name][distribution]
        note = '' if version == tested else f'; tested with {tested}'
        report.line(name, f'{version} ({distribution}{note})')
        try:
            importlib.import_module(name)
        except Exception as error:
            absent = _absent(error)
            if absent in (None, name):
                report.problem(_broken(name, distribution, error))
            elif absent not in BASE:
                report.problem(
                    f'{name} needs {absent}, which is missing: run `{INSTALL} {absent}`.'
                )
    lines = {'OneDL' if name.startswith('onedl-') else 'upstream' for name, _ in installed.values()}
    report.line('line', ' and '.join(sorted(lines)))
    if len(lines) > 1:
        report.problem(
            'mmengine, mmcv and mmseg come from two lines, OneDL and upstream: uninstall those of '
            f'one line, then run `{INSTALL} -e ".[onedl]"`.'
        )


def _absent(error: Exception) -> str | None:
    """Return the module that an import did not find, if that is why the import failed."""
    return error.name if isinstance(error, ModuleNotFoundError) else None


def _broken(name: str, distribution: str, error: Exception) -> str:
    return (
        f'{name} is installed but cannot be imported ({reason_of(error)}): run '
        f'`{INSTALL} --force-reinstall --no-deps {distribution}`.'
    )


def _check_torch(report: Report, torch: ModuleType) -> None:
    version = tuple(int(part) for part in torch.__version__.split('.')[:2])
    if version < OLDEST_TORCH:
        report.problem(f'torch {torch.__version__} is too old: run `{INSTALL} -U torch`.')
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            gpu = torch.cuda.get_device_properties(index)
            bf16 = 'bfloat16' if torch.cuda.is_bf16_supported() else 'no bfloat16'
            report.line('GPU', f'{gpu.name}, {gpu.total_memory / 2**30:.0f} GiB, {bf16}')
    else:
        report.line('GPU', 'none that torch can use')
    report.line('CPU', f'{os.cpu_count()} cores, torch takes {torch.get_num_threads()}')
    report.line('bfloat16', _bfloat16_on_cpu())


def _bfloat16_on_cpu() -> str:
    info = Path('/proc/cpuinfo')
    flags = info.read_text().split() if info.is_file() else []
    if not flags:
        return 'on the CPU: not known whether it is fast'
    for flag, name in (('amx_bf16', 'AMX'), ('avx512_bf16', 'AVX-512'), ('bf16', 'ARM')):
        if flag in flags:
            return f'on the CPU: fast ({name})'
    return 'on the CPU: works, but float32 is faster'
