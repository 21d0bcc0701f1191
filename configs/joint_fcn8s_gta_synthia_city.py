# HRS (CVPR 2019), Table 3, "Direct Joint Training": GTA5 + SYNTHIA
_base_ = [
    '_base_/models/fcn8s_vgg16.py',
    '_base_/datasets/gta_synthia_city.py',
    '_base_/schedules/adam_80k.py',
    '_base_/default_runtime.py',
]
