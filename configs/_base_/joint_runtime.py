# What a child of an mmseg config takes beside the model and the data: a fixed seed, checkpoints that
# a kill leaves whole, exact resume, images while training, and which checkpoint to report. The names
# begin with joint_, since mmengine rejects the same name in two bases; a child config says
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
