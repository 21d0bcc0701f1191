# Maximum squares (ICCV 2019), GTA5 → Cityscapes, "MaxSquare+IW+multi"
_base_ = ['./maxsquare_iw_deeplabv2_gta_city.py', '_base_/objectives/two_levels.py']
model = dict(
    auxiliary_head=_base_.auxiliary_head,
    objectives=dict(regularization=_base_.guidance),
)
optim_wrapper = dict(segmentor=dict(paramwise_cfg=_base_.auxiliary_rate))
