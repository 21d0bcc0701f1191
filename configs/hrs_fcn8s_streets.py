# The demo's "Ours with W^19": direct joint + weighting + GAN, as narrow as the demo's FCN8s
_base_ = [
    './joint_fcn8s_streets.py',
    '_base_/objectives/hrs_weighting.py',
    '_base_/objectives/reconstruction_gan.py',
]
model = dict(objectives=dict(weighting=_base_.weighting, gan=_base_.gan))
model['objectives']['weighting'].update(network=dict(channels=(16, 32, 64, 128)))
model['objectives']['gan'].update(
    generator=dict(in_channels=96, feature_stride=32, channels=(64, 32, 16, 8, 8, 8)),
    discriminator=dict(in_channels=3, channels=(16, 32, 64, 64, 64, 64)),
)
optim_wrapper = dict(weighting=_base_.weighting_optimizer, gan=_base_.gan_optimizers)
# W at E's rate, as in the paper; G and D keep the paper's
optim_wrapper['weighting']['optimizer'].update(lr=1e-3)
