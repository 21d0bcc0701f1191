# MIC-like: DACS-like + masked consistency and DAFormer's feature distance
_base_ = [
    './dacs_efficientnet_lite0_streets_cityscapes256.py',
    '_base_/objectives/masked_consistency.py',
    '_base_/objectives/feature_distance.py',
]
model = dict(
    objectives=dict(
        masked_consistency=_base_.masked_consistency,
        feature_distance=_base_.feature_distance,
    )
)
# CamVid's things: pole, sign, car, pedestrian, bicyclist
model['objectives']['feature_distance'].update(classes=(2, 6, 8, 9, 10))
