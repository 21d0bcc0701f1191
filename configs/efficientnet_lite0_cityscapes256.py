# Target only: 50 labeled images of the 256×256 Cityscapes
_base_ = [
    '_base_/models/segformer_efficientnet_lite0.py',
    '_base_/datasets/cityscapes256.py',
    '_base_/schedules/adamw_cityscapes256.py',
    '_base_/frozen_norms_runtime.py',
]
model = dict(decode_head=dict(num_classes=11))
