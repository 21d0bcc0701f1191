# HRS (CVPR 2019), Table 5: 1/8 of the labeled target
_base_ = './hrs_fcn8s_gta_city.py'
target = _base_.train_dataloader.dataset.domains.target
few = dict(type='LabelSubset', fraction=1 / 8, seed=0, dataset=target)
train_dataloader = dict(dataset=dict(domains=dict(target=dict(_delete_=True, **few))))
