# GA: rendered streets' score maps aligned with those of unlabeled images
_base_ = [
    '_base_/models/segformer_efficientnet_lite0.py',
    '_base_/datasets/streets_cityscapes256_unlabeled.py',
    '_base_/schedules/adamw_cityscapes256.py',
    '_base_/objectives/output_adversarial.py',
    '_base_/frozen_norms_runtime.py',
]
model = dict(decode_head=dict(num_classes=11), objectives=dict(ga=_base_.ga))
optim_wrapper = dict(ga=_base_.ga_optimizer)
