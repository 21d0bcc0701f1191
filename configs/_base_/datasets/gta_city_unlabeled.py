# No labels of Cityscapes: one GTA5 and one unlabeled Cityscapes image per step, 1024×512
_base_ = './gta_city.py'
city = _base_.train_dataloader.dataset.domains.target
train_dataloader = dict(
    sampler=dict(samples_per_domain=dict(target=0, unlabeled=1)),
    dataset=dict(domains=dict(unlabeled=city)),
)
