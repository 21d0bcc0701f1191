# GA+FCSA: features of each class aligned too, those of fire9
_base_ = ['./ga_squeezenet_streets_camvid.py', '_base_/objectives/semantic_adversarial.py']
model = dict(objectives=dict(sa=_base_.fcsa))
model['objectives']['sa']['discriminator'].update(in_channels=512)
optim_wrapper = dict(sa=_base_.sa_optimizer)
