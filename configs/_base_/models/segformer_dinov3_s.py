# SegFormer's head on DINOv3-S/16. Its weights have their own license and are gated on the Hub
_base_ = './segformer_dinov2_s.py'
model = dict(
    backbone=dict(
        model_name='vit_small_patch16_dinov3',
        init_cfg=dict(checkpoint='timm://vit_small_patch16_dinov3.lvd1689m'),
    ),
)
