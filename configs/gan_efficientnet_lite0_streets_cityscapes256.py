# FCN+GAN: HRS without the weighting
_base_ = './hrs_efficientnet_lite0_streets_cityscapes256.py'
model = dict(objectives=dict(_delete_=True, gan=_base_.model.objectives.gan))
optim_wrapper = dict(weighting=None)
