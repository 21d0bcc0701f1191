# Maximum squares (ICCV 2019), Cityscapes → Rome, "MaxSquare"
_base_ = [
    '_base_/models/deeplabv2_r101_bn.py',
    '_base_/datasets/city_rome.py',
    '_base_/schedules/source_then_adapt.py',
    '_base_/objectives/target_regularization.py',
    '_base_/default_runtime.py',
]
model = dict(
    decode_head=dict(num_classes=13),
    objectives=dict(regularization=_base_.squares),
)
