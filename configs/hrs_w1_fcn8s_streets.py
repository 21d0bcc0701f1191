# The demo's "Ours with W^1"
_base_ = './hrs_fcn8s_streets.py'
model = dict(objectives=dict(weighting=dict(per_class=False)))  # one map for all classes
