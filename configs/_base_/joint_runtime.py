# What a child of an mmseg config needs besides the model and the data: a fixed seed, checkpoints
# that survive a kill, exact resume, images during training, and which checkpoint to report. The
# names begin with joint_ because mmengine rejects the same name in two bases. A child config sets
#
#   default_hooks = _base_.joint_hooks
#   custom_hooks = _base_.joint_custom_hooks
#   randomness = _base_.joint_randomness
joint_hooks = dict(
    schedule_extension=dict(type='ScheduleExtensionHook'),
    checkpoint=dict(type='AtomicCheckpointHook', by_epoch=False, interval=4000, max_keep_ckpts=2),
    images=dict(type='TrainingPicturesHook', interval=4000, samples=2),
)
joint_custom_hooks = [dict(type='IterationSeedHook'), dict(type='SelectionReportHook')]
joint_randomness = dict(seed=0)
