# Source only for 1,600 steps, then adaptation for 800: in total as many as the other rows
_base_ = './adamw_cityscapes256.py'
source_stage = dict(
    name='source',
    model=dict(objectives=None),
    optim_wrapper=dict(segmentor=dict(optimizer=dict(lr=2e-4))),
    train_dataloader=dict(batch_size=2, sampler=dict(samples_per_domain=dict(unlabeled=0))),
    train_cfg=dict(max_iters=1600, val_interval=1600),
)
stages = [source_stage, dict(name='adapt')]
optim_wrapper = dict(segmentor=dict(optimizer=dict(lr=5e-5)))  # a quarter of the source's rate
train_cfg = dict(max_iters=800, val_interval=800)
