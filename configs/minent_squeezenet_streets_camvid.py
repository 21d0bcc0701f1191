# Entropy minimisation
_base_ = './maxsquare_squeezenet_streets_camvid.py'
model = dict(objectives=dict(regularization=dict(loss=dict(_delete_=True, type='EntropyLoss'))))
