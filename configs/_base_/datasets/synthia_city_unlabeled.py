# No labels of Cityscapes: one SYNTHIA, one unlabeled Cityscapes image per step; 16 and 13 classes
_base_ = './synthia_city.py'
city = _base_.train_dataloader.dataset.domains.target
train_dataloader = dict(
    sampler=dict(samples_per_domain=dict(target=0, unlabeled=1)),
    dataset=dict(domains=dict(unlabeled=city)),
)
val_evaluator = dict(_delete_=True, type='ProtocolIoUMetric', protocols=('16', '13of16', '13'))
test_evaluator = val_evaluator
