# HRS (CVPR 2019), Table 1, "FCN+Focal Loss": GTA5
_base_ = './joint_fcn8s_gta_city.py'
model = dict(objectives=dict(focal=dict(type='FocalWeighting', gamma=2.0)))  # γ (B5)
table_row = dict(
    _delete_=True,
    paper='HRS',
    table='1',
    row='FCN+Focal Loss',
    miou=[(2975, 66.2)],  # labelled pictures, the paper's
)
