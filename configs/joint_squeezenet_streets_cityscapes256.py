# Direct joint on SqueezeNet: rendered streets and 50 labeled images
_base_ = [
    '_base_/models/fcn8s_squeezenet.py',
    '_base_/datasets/streets_cityscapes256.py',
    '_base_/schedules/adamw_cityscapes256.py',
    '_base_/default_runtime.py',
]
model = dict(decode_head=dict(num_classes=11))
