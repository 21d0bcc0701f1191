# SegFormer's head on DINOv2-B/14
_base_ = './segformer_dinov2_s.py'
model = dict(
    backbone=dict(
        model_name='vit_base_patch14_dinov2',
        init_cfg=dict(checkpoint='timm://vit_base_patch14_dinov2.lvd142m'),
    ),
    neck=dict(embed_dim=768),
    decode_head=dict(in_channels=[768, 768, 768, 768]),
)
