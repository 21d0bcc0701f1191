# FCN+GAN: HRS without the weighting
_base_ = './hrs_squeezenet_streets_camvid.py'
model = dict(objectives=dict(_delete_=True, gan=_base_.model.objectives.gan))
optim_wrapper = dict(weighting=None)
