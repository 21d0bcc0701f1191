# The CamVid benchmark: minutes on a CPU, from ImageNet weights
_base_ = './joint.py'
optim_wrapper = dict(
    dtype='bfloat16',
    segmentor=dict(
        optimizer=dict(type='Adam', lr=2e-4, betas=(0.9, 0.999)),
        paramwise_cfg=dict(custom_keys=dict(decode_head=dict(lr_mult=10.0))),  # new layers
    ),
)
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, by_epoch=False)]
train_cfg = dict(max_iters=600, val_interval=300)
