# HRS (CVPR 2019), Table 1, "Hung et al.": semi-supervised, ResNet-101, no synthetic images
_base_ = ['./deeplabv2_city.py', '_base_/objectives/semi_supervised_adversarial.py']
labeled = _base_.train_dataloader.dataset.domains.target
model = dict(objectives=dict(semi=_base_.semi))
optim_wrapper = dict(semi=_base_.semi_optimizer)
train_dataloader = dict(
    batch_size=2,
    sampler=dict(samples_per_domain=dict(unlabeled=1)),
    dataset=dict(domains=dict(target=dict(count=2975), unlabeled=labeled.dataset)),
)
