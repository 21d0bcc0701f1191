# HRS with one weighting map for all classes
_base_ = './hrs_squeezenet_streets_camvid.py'
model = dict(objectives=dict(weighting=dict(per_class=False)))
