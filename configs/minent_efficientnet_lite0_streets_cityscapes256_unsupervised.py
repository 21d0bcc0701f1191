# Entropy minimization
_base_ = './maxsquare_efficientnet_lite0_streets_cityscapes256_unsupervised.py'
model = dict(objectives=dict(regularization=dict(loss=_base_.entropy)))
