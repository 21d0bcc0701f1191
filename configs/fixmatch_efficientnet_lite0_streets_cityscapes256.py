# FixMatch-like: direct joint + a teacher's labels on strongly augmented unlabeled images
_base_ = [
    '_base_/models/segformer_efficientnet_lite0.py',
    '_base_/datasets/streets_cityscapes256_unlabeled.py',
    '_base_/schedules/adamw_cityscapes256.py',
    '_base_/objectives/teacher.py',
    '_base_/objectives/consistency_mix.py',
    '_base_/frozen_norms_runtime.py',
]
model = dict(
    decode_head=dict(num_classes=11),
    objectives=dict(teacher=_base_.teacher, consistency_mix=_base_.consistency_mix),
)
model['objectives']['teacher'].update(start=600)  # burn-in, a quarter of the schedule
