# HRS (CVPR 2019), Table 2, "Ours with W^1": SYNTHIA
_base_ = './hrs_fcn8s_synthia_city.py'
model = dict(objectives=dict(weighting=dict(per_class=False)))  # one map for all classes
table_row = dict(
    _delete_=True,
    paper='HRS',
    table='2',
    row='Ours with W^1',
    miou=[(2975, 66.3)],  # labelled pictures, the paper's
)
