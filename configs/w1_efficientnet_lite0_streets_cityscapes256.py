# FCN+W^1: HRS with one map, without the GAN
_base_ = './hrs_w1_efficientnet_lite0_streets_cityscapes256.py'
model = dict(objectives=dict(_delete_=True, weighting=_base_.model.objectives.weighting))
optim_wrapper = dict(gan=None)
