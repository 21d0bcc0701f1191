# HRS (CVPR 2019), Table 2, "Swami et al.": LSD-seg (CVPR 2018), SYNTHIA → Cityscapes without labels
_base_ = [
    '_base_/models/fcn8s_vgg16.py',
    '_base_/datasets/synthia_city_unlabeled.py',
    '_base_/schedules/adam_100k_steps.py',
    '_base_/objectives/learning_from_synthetic_data.py',
    '_base_/default_runtime.py',
]
model = dict(
    # the original FCN8s (L1)
    backbone=dict(legacy_padding=True),
    decode_head=dict(legacy_padding=True),
    objectives=dict(lsd=_base_.lsd),
)
model['objectives']['lsd'].update(generator=dict(legacy_padding=True))
optim_wrapper = dict(lsd=_base_.lsd_optimizers)
constant = dict(type='ConstantLR', factor=1.0, by_epoch=False)
param_scheduler = {'lsd.generator': [constant], 'lsd.discriminator': [constant]}
