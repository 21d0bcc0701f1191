# Maximum squares with image-wise weighting
_base_ = './maxsquare_efficientnet_lite0_streets_cityscapes256_unsupervised.py'
model = dict(objectives=dict(regularization=dict(loss=_base_.image_wise)))
