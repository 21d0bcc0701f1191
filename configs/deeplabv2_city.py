# ASS (CVPRW 2020), Table 1, "Oracle": N labeled Cityscapes images alone
_base_ = [
    '_base_/models/deeplabv2_r101.py',
    '_base_/datasets/ass_city.py',
    '_base_/schedules/sgd_150k.py',
    '_base_/default_runtime.py',
]
