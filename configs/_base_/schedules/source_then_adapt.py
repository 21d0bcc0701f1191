# Source only, then adaptation from its last checkpoint: 10 × 2,976 steps, as in the public code
_base_ = './sgd_80k.py'
source_stage = dict(
    name='source',
    model=dict(objectives=None),
    train_dataloader=dict(batch_size=1, sampler=dict(samples_per_domain=dict(unlabeled=0))),
    param_scheduler=_base_.param_scheduler,
    train_cfg=dict(max_iters=_base_.train_cfg.max_iters),
)
stages = [source_stage, dict(name='adapt')]
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, by_epoch=False)]
train_cfg = dict(max_iters=29760)
