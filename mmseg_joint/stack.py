from __future__ import annotations

import functools
import io
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType

from .errors import JointError

PACKAGE = Path(__file__).parent
OWN_SCOPE = 'mmseg_joint::'

# import name -> distribution of the maintained OneDL line, then upstream's -> newest one tested
TESTED = {
    'mmengine': {'onedl-mmengine': '0.10.12', 'mmengine': '0.10.7'},
    'mmcv': {'onedl-mmcv': '2.3.6', 'mmcv': '2.1.0', 'mmcv-lite': '2.1.0'},
    'mmseg': {'onedl-mmsegmentation': '1.4.2', 'mmsegmentation': '1.2.2'},
}


def doctor_is_starting() -> bool:
    """Whether Python is about to run `python -m mmseg_joint.doctor`, with `sys.argv[0]` as `'-m'`.

    The package then imports nothing that may be missing, so that the doctor can report what is.
    """
    return sys.argv[:1] == ['-m'] and 'mmseg_joint.doctor' in sys.orig_argv


def installed_line() -> dict[str, tuple[str, str]]:
    """Find which line of the OpenMMLab stack is installed: import name -> (distribution, version).

    Raises:
        ImportError: When one of the three is missing; the message is the command that installs
            them.
    """
    found = {}
    for module, distributions in TESTED.items():
        for distribution in distributions:
            try:
                found[module] = (distribution, version(distribution))
                break
            except PackageNotFoundError:
                continue
    missing = sorted(set(TESTED) - set(found))
    if missing:
        raise ImportError(
            f'mmseg_joint needs {", ".join(missing)}: run `pip install onedl-mmengine onedl-mmcv '
            'onedl-mmsegmentation` (maintained line), or `pip install mmengine mmcv==2.1.0 '
            'mmsegmentation ftfy regex`.'
        )
    return found


def warn_if_untested(found: dict[str, tuple[str, str]]) -> None:
    """Warn once, without refusing, of versions newer than those that the tests ran with."""
    from mmengine.utils import digit_version

    newer = [
        f'{distribution} {number} (tested: {TESTED[module][distribution]})'
        for module, (distribution, number) in found.items()
        if digit_version(number) > digit_version(TESTED[module][distribution])
    ]
    if newer:
        warnings.warn(f'mmseg_joint was not tested with {", ".join(newer)}.', stacklevel=3)


@contextmanager
def without_onedl_line() -> Iterator[None]:
    """Drop a line by which the OneDL line's mmseg reports an absent package of its vendor.

    It appears twice at every start. Whatever else the block prints is printed afterwards.
    """
    printed = io.StringIO()
    try:
        with redirect_stdout(printed):
            yield
    finally:
        lines = printed.getvalue().splitlines(keepends=True)
        print(*(line for line in lines if line.strip() != 'Could not import OneDL'), sep='', end='')


def check_timm() -> None:
    """Explain what is wrong with a timm that crashes on import, before mmseg imports it.

    Raises:
        ImportError: When timm is installed, and its torchvision was built for another torch.
    """
    try:
        import timm  # noqa: F401
    except ImportError:
        pass  # mmseg works without it, and TimmBackbone says what it needs
    except Exception as error:
        raise ImportError(
            f'mmseg imports timm, which dies ({str(error).splitlines()[0]}): install the '
            'torchvision that belongs to your torch, or `pip uninstall timm`.'
        ) from error


def import_timm() -> ModuleType:
    """Import timm, which only `TimmBackbone` needs.

    Raises:
        JointError: When it or its torchvision is absent. (If timm crashes otherwise, as with a
            torchvision for another torch, importing this package fails: mmseg imports it too.)
    """
    try:
        import timm
    except ImportError as error:
        raise JointError(
            f'TimmBackbone needs timm and torchvision ({error}): run '
            '`pip install "mmseg_joint[timm]"`.'
        ) from error
    return timm


def repair_config_scopes(found: dict[str, tuple[str, str]]) -> None:
    """Let `_base_ = 'mmseg::…'` and `_base_ = 'mmseg_joint::…'` resolve in both lines.

    mmengine's table of distributions does not know the OneDL line's mmseg. It has no hook for a
    package that is not in the table, so the method that finds bases is wrapped for our own names,
    the only code of another library that the import wraps.
    """
    from mmengine.config import Config
    from mmengine.config.utils import MODULE2PACKAGE

    MODULE2PACKAGE['mmseg'] = found['mmseg'][0]
    find = Config._get_cfg_path
    if hasattr(find, '__wrapped__'):  # the package is imported again
        return

    @functools.wraps(find)
    def find_own_too(cfg_path: str, filename: str) -> tuple[str, str | None]:
        if cfg_path.startswith(OWN_SCOPE):
            return str(own_config(cfg_path.removeprefix(OWN_SCOPE))), None
        return find(cfg_path, filename)

    Config._get_cfg_path = staticmethod(find_own_too)


def own_config(name: str) -> Path:
    """Find a config of this package, installed or in a checkout.

    Raises:
        JointError: When there is no such config.
    """
    installed = PACKAGE / '.mim' / 'configs'
    folder = installed if installed.is_dir() else PACKAGE.parent / 'configs'
    if not (folder / name).is_file():
        raise JointError(f'There is no config {OWN_SCOPE}{name}: look for its name in {folder}.')
    return folder / name
