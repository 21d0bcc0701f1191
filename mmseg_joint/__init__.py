"""Joint training of mmsegmentation models on synthetic and real pictures.

Importing this package registers everything it adds in mmseg's own registries.
"""

import warnings

from .stack import installed_line, repair_config_scopes, warn_if_untested

_found = installed_line()
repair_config_scopes(_found)
warn_if_untested(_found)
# mmcv without compiled ops says so at every start; nothing here needs them
warnings.filterwarnings('ignore', message='Fail to import ``MultiScaleDeformableAttention``')

from . import datasets, engine, evaluation, models, visualization  # noqa: E402
from .errors import JointError  # noqa: E402
from .version import __version__  # noqa: E402

__all__ = [
    'JointError',
    '__version__',
    'datasets',
    'engine',
    'evaluation',
    'models',
    'visualization',
]
