# Maximum squares (ICCV 2019), GTA5 → Cityscapes, "MaxSquare"
_base_ = [
    '_base_/models/deeplabv2_r101_bn.py',
    '_base_/datasets/maxsquare_gta_city.py',
    '_base_/schedules/source_then_adapt.py',
    '_base_/objectives/target_regularization.py',
    '_base_/default_runtime.py',
]
model = dict(objectives=dict(regularization=_base_.squares))
