# HRS with one weighting map for all classes
_base_ = './hrs_efficientnet_lite0_streets_cityscapes256.py'
model = dict(objectives=dict(weighting=dict(per_class=False)))
