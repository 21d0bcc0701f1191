# HRS (CVPR 2019), Table 3, "Ours with W^1": GTA5 + SYNTHIA
_base_ = './hrs_fcn8s_gta_synthia_city.py'
model = dict(objectives=dict(weighting=dict(per_class=False)))  # one map for all classes
