# Target only: 12 labeled CamVid images
_base_ = [
    '_base_/models/fcn8s_squeezenet.py',
    '_base_/datasets/camvid.py',
    '_base_/schedules/adam_camvid.py',
    '_base_/default_runtime.py',
]
model = dict(decode_head=dict(num_classes=11))
