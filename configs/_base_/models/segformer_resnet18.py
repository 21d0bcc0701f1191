# SegFormer's head on a ResNet-18 (V1c) trained from scratch: batch norm in every layer
_base_ = './segformer_b0.py'
model = dict(
    backbone=dict(
        _delete_=True,
        type='ResNetV1c',
        depth=18,
        norm_cfg=dict(type='BN', requires_grad=True),
    ),
    decode_head=dict(in_channels=[64, 128, 256, 512], channels=128),
)
