# The demo's "Direct Joint Training"
_base_ = [
    '_base_/models/fcn8s_narrow.py',
    '_base_/datasets/streets.py',
    '_base_/schedules/adam_600.py',
    '_base_/default_runtime.py',
]
