# LSD-seg on SqueezeNet, no labels of CamVid, its networks an eighth as wide as the paper's
_base_ = [
    '_base_/models/fcn8s_squeezenet.py',
    '_base_/datasets/streets_camvid_unsupervised.py',
    '_base_/schedules/adam_camvid.py',
    '_base_/objectives/learning_from_synthetic_data.py',
    '_base_/default_runtime.py',
]
model = dict(decode_head=dict(num_classes=11), objectives=dict(lsd=_base_.lsd))
model['objectives']['lsd'].update(
    # fire3, fire5 and fire9, at strides 4, 8 and 16
    generator=dict(in_channels=(128, 256, 512), channels=(32, 64, 32, 16), kernel_size=3),
    discriminator=dict(channels=16),
    feature_indices=(1, 2, 3),
    reconstruction_weight=1 / 1008,  # 1 over the number of D's positions, 28×36
)
optim_wrapper = dict(lsd=_base_.lsd_optimizers)
