# HRS (CVPR 2019), Table 2, "Direct Joint Training": SYNTHIA
_base_ = [
    '_base_/models/fcn8s_vgg16.py',
    '_base_/datasets/synthia_city.py',
    '_base_/schedules/adam_80k.py',
    '_base_/default_runtime.py',
]
table_row = dict(
    paper='HRS',
    table='2',
    row='Direct Joint Training',
    miou=[(2975, 62.9)],  # labelled pictures, the paper's
)
