# The 256×256 Cityscapes benchmark: 8 (target only) to 13 minutes (joint) on one core, from ImageNet weights
_base_ = './joint.py'
optim_wrapper = dict(
    dtype='bfloat16',
    segmentor=dict(
        optimizer=dict(type='AdamW', lr=2e-4, betas=(0.9, 0.999), weight_decay=0.01, fused=True),
        paramwise_cfg=dict(
            norm_decay_mult=0.0,
            custom_keys=dict(decode_head=dict(lr_mult=10.0)),  # new layers
        ),
    ),
)
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, by_epoch=False)]
train_cfg = dict(max_iters=2400, val_interval=2400)
