# HRS (CVPR 2019), Table 1, "Ours with W^1"
_base_ = './hrs_fcn8s_gta_city.py'
model = dict(objectives=dict(weighting=dict(per_class=False)))  # one map for all classes
# miou: labelled pictures, the paper's
table_row = [
    dict(paper='HRS', table='1', row='Ours with W^1', miou=[(2975, 67.6)]),
    dict(paper='HRS', table='4', row='W^1, hierarchical', miou=[(2975, 67.6)]),
]
