# HRS (CVPR 2019), Table 3, "Ours with W^1": GTA5 + SYNTHIA
_base_ = './hrs_fcn8s_gta_synthia_city.py'
model = dict(objectives=dict(weighting=dict(per_class=False)))  # one map for all classes
table_row = dict(
    _delete_=True,
    paper='HRS',
    table='3',
    row='Ours with W^1',
    miou=[(2975, 68.2)],  # labelled pictures, the paper's
)
