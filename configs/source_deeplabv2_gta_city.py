# Maximum squares (ICCV 2019), GTA5 → Cityscapes, "source only"
_base_ = [
    '_base_/models/deeplabv2_r101_bn.py',
    '_base_/datasets/maxsquare_gta_city.py',
    '_base_/schedules/sgd_80k.py',
    '_base_/default_runtime.py',
]
train_dataloader = dict(batch_size=1, sampler=dict(samples_per_domain=dict(unlabeled=0)))
