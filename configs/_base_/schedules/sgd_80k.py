# Source only: 80,000 steps of a poly decay over 200,000 (maximum squares' public code)
_base_ = './sgd_150k.py'
optim_wrapper = dict(
    segmentor=dict(
        optimizer=dict(nesterov=False),
        # the stem's affine parameters stay fixed
        paramwise_cfg=dict(custom_keys={'backbone.bn1': dict(lr_mult=0.0, decay_mult=0.0)}),
    )
)
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, end=200000, by_epoch=False)]
train_cfg = dict(max_iters=80000)
