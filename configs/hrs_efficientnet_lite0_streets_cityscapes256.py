# HRS: direct joint + weighting + GAN, both a quarter as wide as the paper's
_base_ = [
    './joint_efficientnet_lite0_streets_cityscapes256.py',
    '_base_/objectives/hrs_weighting.py',
    '_base_/objectives/reconstruction_gan.py',
]
model = dict(objectives=dict(weighting=_base_.weighting, gan=_base_.gan))
model['objectives']['weighting'].update(network=dict(channels=(16, 32, 64, 128)))
model['objectives']['gan'].update(
    # from the last of the backbone's outputs
    generator=dict(
        in_channels=320, block_channels=128, feature_stride=32, channels=(64, 32, 16, 16, 8, 8)
    ),
    discriminator=dict(in_channels=3, channels=(16, 32, 64, 128, 128, 128)),
)
optim_wrapper = dict(weighting=_base_.weighting_optimizer, gan=_base_.gan_optimizers)
