from .atomic_checkpoint_hook import AtomicCheckpointHook
from .iteration_seed_hook import IterationSeedHook
from .joint_optim_wrapper import JointOptimWrapper
from .joint_optim_wrapper_constructor import JointOptimWrapperConstructor
from .layer_decay_constructor import LayerDecayConstructor
from .selection_report_hook import SelectionReportHook
from .training_pictures_hook import TrainingPicturesHook

__all__ = [
    'AtomicCheckpointHook',
    'IterationSeedHook',
    'JointOptimWrapper',
    'JointOptimWrapperConstructor',
    'LayerDecayConstructor',
    'SelectionReportHook',
    'TrainingPicturesHook',
]
