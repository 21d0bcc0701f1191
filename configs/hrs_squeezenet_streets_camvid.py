# HRS: direct joint + weighting (one map per class) + GAN, all networks a quarter as wide as the
# paper's: SqueezeNet has 1/200 of the parameters of FCN8s, and the extra networks should not
# cost ten times what they gain
_base_ = [
    './joint_squeezenet_streets_camvid.py',
    '_base_/objectives/hrs_weighting.py',
    '_base_/objectives/reconstruction_gan.py',
]
model = dict(objectives=dict(weighting=_base_.weighting, gan=_base_.gan))
model['objectives']['weighting'].update(network=dict(channels=(16, 32, 64, 128)))
model['objectives']['gan'].update(
    # from fire9, stride 16
    generator=dict(
        in_channels=512, block_channels=128, feature_stride=16, channels=(64, 32, 16, 16, 8, 8)
    ),
    discriminator=dict(in_channels=3, channels=(16, 32, 64, 128, 128, 128)),
)
optim_wrapper = dict(weighting=_base_.weighting_optimizer, gan=_base_.gan_optimizers)
