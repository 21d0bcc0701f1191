# What all schedules share: an optimizer for each network, and the loops
optim_wrapper = dict(type='JointOptimWrapper', constructor='JointOptimWrapperConstructor')
train_cfg = dict(type='IterBasedTrainLoop')
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
