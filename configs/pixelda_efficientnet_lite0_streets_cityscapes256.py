# PixelDA, its networks a quarter as wide as the paper's
_base_ = [
    './joint_efficientnet_lite0_streets_cityscapes256.py',
    '_base_/objectives/pixelda.py',
]
model = dict(objectives=dict(pixelda=_base_.pixelda))
model['objectives']['pixelda'].update(
    generator=dict(channels=16), discriminator=dict(channels=(16, 32, 64, 128))
)
optim_wrapper = dict(pixelda=_base_.pixelda_optimizers)
