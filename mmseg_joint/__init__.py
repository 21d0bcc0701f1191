"""Joint training of mmsegmentation models on synthetic and real pictures.

Importing this package registers everything it adds in mmseg's own registries.
"""

from .stack import installed_line, repair_config_scopes, warn_if_untested

_found = installed_line()
repair_config_scopes(_found)
warn_if_untested(_found)

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
