# Maximum squares (ICCV 2019), Cityscapes → Taipei, "source only"
_base_ = [
    '_base_/models/deeplabv2_r101_bn.py',
    '_base_/datasets/city_taipei.py',
    '_base_/schedules/sgd_80k.py',
    '_base_/default_runtime.py',
]
model = dict(decode_head=dict(num_classes=13))
train_dataloader = dict(batch_size=1, sampler=dict(samples_per_domain=dict(unlabeled=0)))
