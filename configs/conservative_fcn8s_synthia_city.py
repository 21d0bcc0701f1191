# HRS (CVPR 2019), Table 2, Conservative Loss after its abstract, details ours; SYNTHIA → Cityscapes
_base_ = [
    '_base_/models/fcn8s_vgg16.py',
    '_base_/datasets/synthia_city_unlabeled.py',
    '_base_/schedules/adam_80k.py',
    '_base_/objectives/conservative_loss.py',
    '_base_/default_runtime.py',
]
model = dict(objectives=dict(conservative=_base_.conservative, gan=_base_.cross_gan))
optim_wrapper = dict(gan=_base_.cross_gan_optimizers)
