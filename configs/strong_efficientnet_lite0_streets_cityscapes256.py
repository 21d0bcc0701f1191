# The strong recipe on the 256×256 Cityscapes
_base_ = [
    '_base_/models/segformer_efficientnet_lite0.py',
    '_base_/datasets/streets_cityscapes256_unlabeled.py',
    '_base_/schedules/adamw_cityscapes256.py',
    '_base_/objectives/strong.py',
    '_base_/frozen_norms_runtime.py',
]
model = dict(decode_head=dict(num_classes=11), objectives=_base_.strong)
model['objectives']['teacher'].update(start=600)  # burn-in, a quarter of the schedule
