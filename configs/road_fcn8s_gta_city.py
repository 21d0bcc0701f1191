# HRS (CVPR 2019), Table 1, ROAD after its abstract, details ours; GTA5 → Cityscapes without labels
_base_ = [
    '_base_/models/fcn8s_vgg16.py',
    '_base_/datasets/gta_city_unlabeled.py',
    '_base_/schedules/adam_80k.py',
    '_base_/objectives/road.py',
    '_base_/default_runtime.py',
]
model = dict(objectives=dict(distillation=_base_.distillation, spatial=_base_.spatial))
optim_wrapper = dict(spatial=_base_.spatial_optimizer)
