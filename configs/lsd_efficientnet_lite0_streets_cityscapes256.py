# LSD-seg, no labels of Cityscapes, its networks an eighth as wide as the paper's
_base_ = [
    '_base_/models/segformer_efficientnet_lite0.py',
    '_base_/datasets/streets_cityscapes256_unsupervised.py',
    '_base_/schedules/adamw_cityscapes256.py',
    '_base_/objectives/learning_from_synthetic_data.py',
    '_base_/frozen_norms_runtime.py',
]
model = dict(decode_head=dict(num_classes=11), objectives=dict(lsd=_base_.lsd))
model['objectives']['lsd'].update(
    # the backbone's outputs at strides 4, 8 and 16
    generator=dict(in_channels=(24, 40, 112), channels=(32, 64, 32, 16), kernel_size=3),
    discriminator=dict(channels=16),
    feature_indices=(0, 1, 2),
    reconstruction_weight=1 / 640,  # 1 over the number of D's positions, 20×32
)
optim_wrapper = dict(lsd=_base_.lsd_optimizers)
