"""Joint training of mmsegmentation models on synthetic and real pictures.

Importing this package registers everything it adds in mmseg's own registries.
"""

import warnings

from .doctor.startup import is_starting
from .errors import JointError
from .version import __version__

if not is_starting():  # the doctor runs without the stack too, and imports this again
    from .stack import check_timm, installed_line, repair_config_scopes, warn_if_untested

    _found = installed_line()
    repair_config_scopes(_found)
    warn_if_untested(_found)
    check_timm()
    # mmcv without compiled ops says so at every start; nothing here needs them
    warnings.filterwarnings('ignore', message='Fail to import ``MultiScaleDeformableAttention``')

    from . import datasets, engine, evaluation, models, visualization
    from .models.checkpoint_reading import run_no_code_of_files, trust_training_state

    trust_training_state()
    run_no_code_of_files()

__all__ = [
    'JointError',
    '__version__',
    'datasets',
    'engine',
    'evaluation',
    'models',
    'visualization',
]
