# Minutes on a CPU, from scratch
optim_wrapper = dict(
    type='JointOptimWrapper',
    constructor='JointOptimWrapperConstructor',
    segmentor=dict(optimizer=dict(type='Adam', lr=1e-3, betas=(0.9, 0.999))),  # E
)
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, by_epoch=False)]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=600, val_interval=200)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
