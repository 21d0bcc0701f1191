# AdaptSegNet (CVPR 2018), GTA5 → Cityscapes, two levels; ASS, Table 1, "GA" without labels
_base_ = ['./adaptsegnet_deeplabv2_gta_city.py', '_base_/objectives/two_levels.py']
model = dict(
    auxiliary_head=_base_.auxiliary_head,
    objectives=dict(ga=dict(levels=2, auxiliary_weight=0.0002)),  # λ_adv of conv4
)
optim_wrapper = dict(segmentor=dict(paramwise_cfg=_base_.auxiliary_rate))
