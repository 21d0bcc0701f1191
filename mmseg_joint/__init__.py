"""Joint training of mmsegmentation models on synthetic and real pictures.

Importing this package registers everything it adds in mmseg's own registries.
"""

import warnings

from .doctor.startup import is_starting
from .errors import JointError
from .version import __version__

if not is_starting():  # the doctor runs without the stack too, and imports this again
    from .stack import installed_line, repair_config_scopes, warn_if_untested

    _found = installed_line()
    repair_config_scopes(_found)
    warn_if_untested(_found)
    # mmcv without compiled ops says so at every start; nothing here needs them
    warnings.filterwarnings('ignore', message='Fail to import ``MultiScaleDeformableAttention``')

    from . import checkpoints, datasets, engine, evaluation, models, visualization
    from .checkpoints.enforce import enforce_weights_only
    from .checkpoints.safe_globals import register_safe_globals

    register_safe_globals()
    enforce_weights_only()

__all__ = [
    'JointError',
    '__version__',
    'checkpoints',
    'datasets',
    'engine',
    'evaluation',
    'models',
    'visualization',
]
