# The demo's "Ours with W^1"
_base_ = './hrs_fcn8s_streets.py'
model = dict(objectives=dict(weighting=dict(per_class=False)))  # one map for all classes
table_row = dict(_delete_=True, paper='HRS', table='1', row='Ours with W^1', scale='streets')
