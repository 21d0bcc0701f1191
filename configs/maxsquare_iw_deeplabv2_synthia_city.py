# Maximum squares (ICCV 2019), SYNTHIA → Cityscapes, "MaxSquare+IW"
_base_ = './maxsquare_deeplabv2_synthia_city.py'
model = dict(objectives=dict(regularization=dict(loss=_base_.image_wise)))
# the public code negates r where SYNTHIA is the source (M4)
model['objectives']['regularization']['loss'].update(ratio=-0.2)
