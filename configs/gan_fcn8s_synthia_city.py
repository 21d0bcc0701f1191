# HRS (CVPR 2019), Table 2, "FCN+GAN": SYNTHIA
_base_ = ['./joint_fcn8s_synthia_city.py', '_base_/objectives/reconstruction_gan.py']
model = dict(objectives=dict(gan=_base_.gan))
optim_wrapper = dict(gan=_base_.gan_optimizers)
