# Adam for every network, poly decay to zero (HRS, Section 4, "Training Details")
_base_ = './joint.py'
optim_wrapper = dict(
    # E; fused, because 134 million parameters otherwise take a seventh of a step on a CPU
    segmentor=dict(optimizer=dict(type='Adam', lr=1e-4, betas=(0.9, 0.999), fused=True)),
)
# without `end`, the decay ends at train_cfg.max_iters, whatever that is
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, by_epoch=False)]
train_cfg = dict(max_iters=80000, val_interval=4000)  # H14
