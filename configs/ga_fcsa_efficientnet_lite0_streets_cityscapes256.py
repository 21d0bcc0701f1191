# GA+FCSA: features of each class aligned too, the last of the backbone's outputs
_base_ = [
    './ga_efficientnet_lite0_streets_cityscapes256.py',
    '_base_/objectives/semantic_adversarial.py',
]
model = dict(objectives=dict(sa=_base_.fcsa))
model['objectives']['sa']['discriminator'].update(in_channels=320)
optim_wrapper = dict(sa=_base_.sa_optimizer)
