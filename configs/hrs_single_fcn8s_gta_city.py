# HRS (CVPR 2019), Table 4: W^19, single level
_base_ = './hrs_fcn8s_gta_city.py'
model = dict(objectives=dict(weighting=dict(levels=('pixel',))))
