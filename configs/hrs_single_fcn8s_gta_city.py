# HRS (CVPR 2019), Table 4: W^19, single level
_base_ = './hrs_fcn8s_gta_city.py'
model = dict(objectives=dict(weighting=dict(levels=('pixel',))))
table_row = dict(
    _delete_=True,
    paper='HRS',
    table='4',
    row='W^19, single',
    miou=[(2975, 66.9)],  # labelled pictures, the paper's
)
