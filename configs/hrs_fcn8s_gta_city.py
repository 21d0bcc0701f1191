# HRS (CVPR 2019), Table 1, "Ours with W^19": direct joint training + weighting + GAN
_base_ = [
    './joint_fcn8s_gta_city.py',
    '_base_/objectives/hrs_weighting.py',
    '_base_/objectives/reconstruction_gan.py',
]
model = dict(objectives=dict(weighting=_base_.weighting, gan=_base_.gan))
optim_wrapper = dict(weighting=_base_.weighting_optimizer, gan=_base_.gan_optimizers)
