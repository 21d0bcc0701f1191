# HRS (CVPR 2019), Table 1, "FCN": Cityscapes alone
_base_ = [
    '_base_/models/fcn8s_vgg16.py',
    '_base_/datasets/city.py',
    '_base_/schedules/adam_80k.py',
    '_base_/default_runtime.py',
]
# miou: labelled pictures, the paper's
table_row = [
    dict(paper='HRS', table='1', row='FCN', miou=[(2975, 65.3)]),
    dict(paper='HRS', table='2', row='FCN', miou=[(2975, 65.3)]),
    dict(paper='HRS', table='3', row='FCN', miou=[(2975, 65.3)]),
    dict(paper='HRS', table='4', row='FCN', miou=[(2975, 65.3)]),
]
