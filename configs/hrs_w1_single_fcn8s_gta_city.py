# HRS (CVPR 2019), Table 4: W^1, single level
_base_ = './hrs_w1_fcn8s_gta_city.py'
model = dict(objectives=dict(weighting=dict(levels=('pixel',))))
table_row = dict(
    _delete_=True,
    paper='HRS',
    table='4',
    row='W^1, single',
    miou=[(2975, 66.7)],  # labelled pictures, the paper's
)
