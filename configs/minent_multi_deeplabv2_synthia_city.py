# ADVENT's own MinEnt (CVPR 2019), SYNTHIA → Cityscapes: two levels, no discriminator
_base_ = './advent_multi_deeplabv2_synthia_city.py'
minent = dict(
    type='TargetRegularization',
    loss=dict(type='EntropyLoss', normalization='log'),  # by ln C
    weight=0.001,  # λ_ent
    auxiliary_loss_weight=0.0002,  # λ_ent of conv4
)
model = dict(objectives=dict(_delete_=True, minent=minent))
optim_wrapper = dict(ga=None)
