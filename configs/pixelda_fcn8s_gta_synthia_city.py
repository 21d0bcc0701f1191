# HRS (CVPR 2019), Table 3, "PixelDA": GTA5 + SYNTHIA
_base_ = ['./joint_fcn8s_gta_synthia_city.py', '_base_/objectives/pixelda.py']
model = dict(objectives=dict(pixelda=_base_.pixelda))
optim_wrapper = dict(pixelda=_base_.pixelda_optimizers)
