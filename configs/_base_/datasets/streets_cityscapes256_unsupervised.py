# No labels of the 256×256 Cityscapes: rendered streets and unlabeled images
_base_ = './streets_cityscapes256_unlabeled.py'
train_dataloader = dict(
    batch_size=4,  # the sum of samples_per_domain
    sampler=dict(samples_per_domain=dict(target=0)),
)
