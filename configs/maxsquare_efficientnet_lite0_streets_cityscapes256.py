# Maximum squares beside direct joint training, on unlabeled images
_base_ = [
    '_base_/models/segformer_efficientnet_lite0.py',
    '_base_/datasets/streets_cityscapes256_unlabeled.py',
    '_base_/schedules/adamw_cityscapes256.py',
    '_base_/objectives/target_regularization.py',
    '_base_/frozen_norms_runtime.py',
]
model = dict(decode_head=dict(num_classes=11), objectives=dict(regularization=_base_.squares))
