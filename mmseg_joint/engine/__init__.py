from .class_gain_hook import ClassGainHook
from .freeze_norm_hook import FreezeNormHook
from .gradient_cosine_hook import GradientCosineHook
from .iteration_seed_hook import IterationSeedHook
from .joint_optim_wrapper import JointOptimWrapper
from .joint_optim_wrapper_constructor import JointOptimWrapperConstructor
from .layer_decay_constructor import LayerDecayConstructor
from .peak_memory_hook import PeakMemoryHook
from .schedule_extension_hook import ScheduleExtensionHook
from .selection_report_hook import SelectionReportHook
from .training_pictures_hook import TrainingPicturesHook

__all__ = [
    'ClassGainHook',
    'FreezeNormHook',
    'GradientCosineHook',
    'IterationSeedHook',
    'JointOptimWrapper',
    'JointOptimWrapperConstructor',
    'LayerDecayConstructor',
    'PeakMemoryHook',
    'ScheduleExtensionHook',
    'SelectionReportHook',
    'TrainingPicturesHook',
]
