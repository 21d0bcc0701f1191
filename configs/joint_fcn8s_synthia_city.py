# HRS (CVPR 2019), Table 2, "Direct Joint Training": SYNTHIA
_base_ = [
    '_base_/models/fcn8s_vgg16.py',
    '_base_/datasets/synthia_city.py',
    '_base_/schedules/adam_80k.py',
    '_base_/default_runtime.py',
]
