# LSD-seg's public code: Adam at 1e-5, divided by 10 every 23,800 steps
_base_ = './adam_80k.py'
optim_wrapper = dict(segmentor=dict(optimizer=dict(lr=1e-5)))
param_scheduler = dict(
    _delete_=True,
    segmentor=[dict(type='StepLR', step_size=23800, gamma=0.1, by_epoch=False)],
)
train_cfg = dict(max_iters=100000)
