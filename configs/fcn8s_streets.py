# The demo's "FCN": a few `camera` streets alone
_base_ = [
    '_base_/models/fcn8s_narrow.py',
    '_base_/datasets/streets_target.py',
    '_base_/schedules/adam_600.py',
    '_base_/default_runtime.py',
]
