# Maximum squares without labels of Cityscapes, from a source-only checkpoint
_base_ = [
    '_base_/models/segformer_efficientnet_lite0.py',
    '_base_/datasets/streets_cityscapes256_unsupervised.py',
    '_base_/schedules/source_then_adapt_cityscapes256.py',
    '_base_/objectives/target_regularization.py',
    '_base_/frozen_norms_runtime.py',
]
model = dict(decode_head=dict(num_classes=11), objectives=dict(regularization=_base_.squares))
