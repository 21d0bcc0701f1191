# Entropy minimization
_base_ = './maxsquare_squeezenet_streets_camvid.py'
model = dict(objectives=dict(regularization=dict(loss=_base_.entropy)))
