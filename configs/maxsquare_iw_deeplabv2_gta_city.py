# Maximum squares (ICCV 2019), GTA5 → Cityscapes, "MaxSquare+IW"
_base_ = './maxsquare_deeplabv2_gta_city.py'
model = dict(objectives=dict(regularization=dict(loss=_base_.image_wise)))
