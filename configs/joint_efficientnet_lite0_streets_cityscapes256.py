# Direct joint: rendered streets and 50 labeled images of the 256×256 Cityscapes, weight 1 each
_base_ = [
    '_base_/models/segformer_efficientnet_lite0.py',
    '_base_/datasets/streets_cityscapes256.py',
    '_base_/schedules/adamw_cityscapes256.py',
    '_base_/frozen_norms_runtime.py',
]
model = dict(decode_head=dict(num_classes=11))
