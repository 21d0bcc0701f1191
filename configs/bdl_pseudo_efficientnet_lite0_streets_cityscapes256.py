# BDL with pseudo-labels of Cityscapes
_base_ = './bdl_efficientnet_lite0_streets_cityscapes256.py'
pseudo = dict(
    type='WrittenDataset',
    data_root='work_dirs/bdl_cityscapes256/pseudo_labels/',  # from tools/pseudo_labels.py
    pipeline=_base_.train_pipeline,
)
model = dict(objectives=dict(ga=dict(target='target')))
train_dataloader = dict(
    sampler=dict(samples_per_domain=dict(target=2, unlabeled=0)),
    dataset=dict(domains=dict(target=dict(_delete_=True, **pseudo))),
)
