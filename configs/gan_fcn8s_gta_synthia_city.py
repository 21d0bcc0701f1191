# HRS (CVPR 2019), Table 3, "FCN+GAN": GTA5 + SYNTHIA
_base_ = ['./joint_fcn8s_gta_synthia_city.py', '_base_/objectives/reconstruction_gan.py']
model = dict(objectives=dict(gan=_base_.gan))
optim_wrapper = dict(gan=_base_.gan_optimizers)
