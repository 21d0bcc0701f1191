from .backbones import *  # noqa: F403
from .data_preprocessor import JointDataPreprocessor
from .heads import *  # noqa: F403
from .losses import *  # noqa: F403
from .networks import *  # noqa: F403
from .objectives import *  # noqa: F403
from .segmentors import *  # noqa: F403
