# HRS: direct joint + weighting (W^11: one map a class) + GAN
_base_ = [
    './joint_squeezenet_streets_camvid.py',
    '_base_/objectives/hrs_weighting.py',
    '_base_/objectives/reconstruction_gan.py',
]
model = dict(objectives=dict(weighting=_base_.weighting, gan=_base_.gan))
# fire9, stride 16, is SqueezeNet's last stage
model['objectives']['gan']['generator'] = dict(in_channels=512, feature_stride=16)
optim_wrapper = dict(weighting=_base_.weighting_optimizer, gan=_base_.gan_optimizers)
