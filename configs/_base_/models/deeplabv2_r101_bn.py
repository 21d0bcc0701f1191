# DeepLabV2 whose batch norms learn their affine parameters too (maximum squares)
_base_ = './deeplabv2_r101.py'
model = dict(
    backbone=dict(norm_cfg=dict(requires_grad=True)),
    norm_statistics='all',  # like the public code's running averages
)
