# Maximum squares (ICCV 2019), Cityscapes → Rome, "MaxSquare+IW"
_base_ = './maxsquare_deeplabv2_city_rome.py'
model = dict(objectives=dict(regularization=dict(loss=_base_.image_wise)))
