# Hung et al.: 50 labeled images and all images without labels, nothing synthetic
_base_ = [
    './efficientnet_lite0_cityscapes256.py',
    '_base_/objectives/semi_supervised_adversarial.py',
]
labeled = _base_.train_dataloader.dataset.domains.target
model = dict(objectives=dict(semi=_base_.semi))
model['objectives']['semi'].update(
    start=600,  # a quarter of training, like 5,000 of the paper's 20,000 steps
    discriminator=dict(channels=(16, 32, 64, 128)),
)
optim_wrapper = dict(semi=_base_.semi_optimizer)
train_dataloader = dict(
    batch_size=4,  # the sum of samples_per_domain
    sampler=dict(samples_per_domain=dict(unlabeled=2)),
    dataset=dict(domains=dict(unlabeled=labeled.dataset)),
)
