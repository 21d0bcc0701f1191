# HRS (CVPR 2019), Table 1, "Ours with W^1"
_base_ = './hrs_fcn8s_gta_city.py'
model = dict(objectives=dict(weighting=dict(per_class=False)))  # one map for all classes
