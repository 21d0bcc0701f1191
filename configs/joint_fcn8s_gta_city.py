# HRS (CVPR 2019), Table 1, "Direct Joint Training": cross-entropy on both, weight 1 each
_base_ = [
    '_base_/models/fcn8s_vgg16.py',
    '_base_/datasets/gta_city.py',
    '_base_/schedules/adam_80k.py',
    '_base_/default_runtime.py',
]
