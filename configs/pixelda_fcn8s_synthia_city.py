# HRS (CVPR 2019), Table 2, "PixelDA": SYNTHIA
_base_ = ['./joint_fcn8s_synthia_city.py', '_base_/objectives/pixelda.py']
model = dict(objectives=dict(pixelda=_base_.pixelda))
optim_wrapper = dict(pixelda=_base_.pixelda_optimizers)
