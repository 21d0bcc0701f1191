# HRS (CVPR 2019), Table 1, "FCN+0-1 Conf. Mask": GTA5
_base_ = './joint_fcn8s_gta_city.py'
model = dict(objectives=dict(mask=dict(type='ConfidenceMask', threshold=0.9)))  # B4
