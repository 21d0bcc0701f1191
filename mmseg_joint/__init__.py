"""Joint training of mmsegmentation models on synthetic and real images.

Importing this package registers everything that it adds in mmseg's own registries, lets configs
name bases by `mmseg::` and `mmseg_joint::`, and changes nothing else. The other settings of
the tools, such as running no code from a checkpoint, take one call: `mmseg_joint.setup()`.
"""

import warnings

from .errors import JointError
from .stack import (
    check_timm,
    doctor_is_starting,
    installed_line,
    repair_config_scopes,
    warn_if_untested,
    without_onedl_line,
)
from .version import __version__

if not doctor_is_starting():  # it also runs without the stack, and imports this again
    _found = installed_line()
    repair_config_scopes(_found)
    warn_if_untested(_found)
    check_timm()
    with warnings.catch_warnings(), without_onedl_line():
        # mmcv without compiled ops says so at every start; nothing here needs them
        warnings.filterwarnings('ignore', 'Fail to import ``MultiScaleDeformableAttention``')
        from . import checkpoints, datasets, engine, evaluation, models, streets, visualization
        from .runtime import setup

__all__ = [
    'JointError',
    '__version__',
    'checkpoints',
    'datasets',
    'engine',
    'evaluation',
    'models',
    'setup',
    'streets',
    'visualization',
]
