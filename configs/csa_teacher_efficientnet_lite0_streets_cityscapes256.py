# CSA with target features from unlabeled images, too, where a teacher is confident
_base_ = [
    './dacs_efficientnet_lite0_streets_cityscapes256.py',
    '_base_/objectives/semantic_adversarial.py',
]
model = dict(objectives=dict(sa=_base_.csa))
model['objectives']['sa'].update(teacher='teacher')
model['objectives']['sa']['discriminator'].update(in_channels=320)
optim_wrapper = dict(sa=_base_.sa_optimizer)
