# HRS (CVPR 2019), Table 1, "FCN": Cityscapes alone
_base_ = [
    '_base_/models/fcn8s_vgg16.py',
    '_base_/datasets/city.py',
    '_base_/schedules/adam_80k.py',
    '_base_/default_runtime.py',
]
