# Source only for 600 steps, then adaptation for 300, on a CPU
_base_ = './adam_camvid.py'
source_stage = dict(
    name='source',
    model=dict(objectives=None),
    optim_wrapper=dict(segmentor=dict(optimizer=dict(lr=2e-4))),
    train_dataloader=dict(batch_size=2, sampler=dict(samples_per_domain=dict(unlabeled=0))),
    train_cfg=dict(max_iters=600),
)
stages = [source_stage, dict(name='adapt')]
optim_wrapper = dict(segmentor=dict(optimizer=dict(lr=5e-5)))  # a quarter of the source's rate
train_cfg = dict(max_iters=300)
