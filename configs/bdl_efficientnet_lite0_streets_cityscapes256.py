# BDL, no labels of Cityscapes: score maps of translated streets and of Cityscapes aligned
_base_ = './ga_efficientnet_lite0_streets_cityscapes256.py'
translated = dict(
    type='WrittenDataset',
    data_root='work_dirs/bdl_cityscapes256/translated/',  # from tools/translate.py
    pipeline=_base_.train_pipeline,
)
model = dict(objectives=dict(ga=dict(align='target')))
train_dataloader = dict(
    batch_size=4,
    sampler=dict(samples_per_domain=dict(target=0)),
    dataset=dict(domains=dict(source=dict(_delete_=True, **translated))),
)
