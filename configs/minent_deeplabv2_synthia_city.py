# Maximum squares (ICCV 2019), SYNTHIA → Cityscapes, "MinEnt"
_base_ = './maxsquare_deeplabv2_synthia_city.py'
model = dict(objectives=dict(regularization=dict(loss=_base_.entropy)))
