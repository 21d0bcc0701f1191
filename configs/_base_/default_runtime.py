custom_imports = dict(imports=['mmseg_joint'], allow_failed_imports=False)
default_scope = 'mmseg'
env_cfg = dict(
    cudnn_benchmark=True,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'),
)
randomness = dict(seed=0)
vis_backends = [dict(type='LocalVisBackend')]
visualizer = dict(type='SegLocalVisualizer', vis_backends=vis_backends, name='visualizer')
log_processor = dict(by_epoch=False)
log_level = 'INFO'
load_from = None
resume = False

default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50, log_metric_by_epoch=False),
    param_scheduler=dict(type='ParamSchedulerHook'),
    schedule_extension=dict(type='ScheduleExtensionHook'),
    checkpoint=dict(type='AtomicCheckpointHook', by_epoch=False, interval=4000, max_keep_ckpts=2),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    visualization=dict(type='SegVisualizationHook'),
    # a few samples now and then, with all that the objectives draw (docs/curves.md); 0: never
    images=dict(type='TrainingPicturesHook', interval=4000, samples=2),
)

# dropout and label noise depend only on (seed, iteration): a resumed run equals an unbroken one
custom_hooks = [dict(type='IterationSeedHook'), dict(type='SelectionReportHook')]

tta_model = dict(type='SegTTAModel')
