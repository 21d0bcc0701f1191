# GA+CSA on the 256×256 Cityscapes; CSA on the last of the backbone's outputs
_base_ = [
    '_base_/models/segformer_efficientnet_lite0.py',
    '_base_/datasets/streets_cityscapes256_unlabeled.py',
    '_base_/schedules/adamw_1200.py',
    '_base_/objectives/output_adversarial.py',
    '_base_/objectives/semantic_adversarial.py',
    '_base_/frozen_norms_runtime.py',
]
model = dict(decode_head=dict(num_classes=11), objectives=dict(ga=_base_.ga, sa=_base_.csa))
model['objectives']['sa']['discriminator'].update(in_channels=320)
optim_wrapper = dict(ga=_base_.ga_optimizer, sa=_base_.sa_optimizer)
