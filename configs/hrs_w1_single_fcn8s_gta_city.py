# HRS (CVPR 2019), Table 4: W^1, single level
_base_ = './hrs_w1_fcn8s_gta_city.py'
model = dict(objectives=dict(weighting=dict(levels=('pixel',))))
