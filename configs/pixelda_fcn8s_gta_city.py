# HRS (CVPR 2019), Table 1, "PixelDA": GTA5
_base_ = ['./joint_fcn8s_gta_city.py', '_base_/objectives/pixelda.py']
model = dict(objectives=dict(pixelda=_base_.pixelda))
optim_wrapper = dict(pixelda=_base_.pixelda_optimizers)
