# HRS (CVPR 2019), Table 1, "FCN+Focal Loss": GTA5
_base_ = './joint_fcn8s_gta_city.py'
model = dict(objectives=dict(focal=dict(type='FocalWeighting', gamma=2.0)))  # γ (B5)
