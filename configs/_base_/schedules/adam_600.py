# Minutes on a CPU, from scratch
_base_ = './joint.py'
optim_wrapper = dict(
    segmentor=dict(optimizer=dict(type='Adam', lr=1e-3, betas=(0.9, 0.999))),  # E
)
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, by_epoch=False)]
train_cfg = dict(max_iters=600, val_interval=200)
