# Direct joint: rendered streets and 12 labeled CamVid images, weight 1 each
_base_ = [
    '_base_/models/fcn8s_squeezenet.py',
    '_base_/datasets/streets_camvid.py',
    '_base_/schedules/adam_camvid.py',
    '_base_/default_runtime.py',
]
model = dict(decode_head=dict(num_classes=11))
