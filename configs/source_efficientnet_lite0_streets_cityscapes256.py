# Source only: rendered streets, tested on the 256×256 Cityscapes
_base_ = [
    '_base_/models/segformer_efficientnet_lite0.py',
    '_base_/datasets/streets_cityscapes256_unsupervised.py',
    '_base_/schedules/adamw_cityscapes256.py',
    '_base_/frozen_norms_runtime.py',
]
model = dict(decode_head=dict(num_classes=11))
train_dataloader = dict(batch_size=2, sampler=dict(samples_per_domain=dict(unlabeled=0)))
