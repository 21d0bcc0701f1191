# Maximum squares (ICCV 2019), Cityscapes → Taipei, "MaxSquare+IW"
_base_ = './maxsquare_deeplabv2_city_taipei.py'
model = dict(objectives=dict(regularization=dict(loss=_base_.image_wise)))
