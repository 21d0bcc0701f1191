# HRS (CVPR 2019), Table 1, "FCN+W^1": GTA5
_base_ = ['./joint_fcn8s_gta_city.py', '_base_/objectives/hrs_weighting.py']
model = dict(objectives=dict(weighting=_base_.weighting))
model['objectives']['weighting'].update(per_class=False)  # one map for all classes
optim_wrapper = dict(weighting=_base_.weighting_optimizer)
