# SGD for the segmentor, 150,000 steps of a poly decay over 250,000 (ASS, Section 4.2, A5)
_base_ = './joint.py'
optim_wrapper = dict(
    segmentor=dict(
        optimizer=dict(
            type='SGD', lr=2.5e-4, momentum=0.9, weight_decay=5e-4, nesterov=True, fused=True
        ),
        paramwise_cfg=dict(custom_keys=dict(decode_head=dict(lr_mult=10.0))),  # the classifier
    ),
)
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, end=250000, by_epoch=False)]
train_cfg = dict(max_iters=150000, val_interval=4000)
