# HRS's weights on the streets and on the streets' classes pasted onto unlabeled images
_base_ = [
    './dacs_efficientnet_lite0_streets_cityscapes256.py',
    '_base_/objectives/hrs_weighting.py',
]
model = dict(objectives=dict(weighting=_base_.weighting))
model['objectives']['weighting'].update(
    network=dict(channels=(16, 32, 64, 128)), also=('source_mix',)
)
optim_wrapper = dict(weighting=_base_.weighting_optimizer)
