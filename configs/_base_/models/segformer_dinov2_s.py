# SegFormer's head on DINOv2-S/14: all blocks have stride 14, so a neck builds four pyramid levels
_base_ = './segformer_b0.py'
model = dict(
    backbone=dict(
        _delete_=True,
        type='TimmBackbone',
        model_name='vit_small_patch14_dinov2',
        out_indices=(2, 5, 8, 11),
        dynamic_img_size=True,  # sizes other than the pretraining's 518×518 …
        dynamic_img_pad=True,  # … including those not divisible by 14
        drop_path_rate=0.1,
        # downloads 88 MB once; or the path of a file with timm's or Meta's names
        init_cfg=dict(type='Pretrained', checkpoint='timm://vit_small_patch14_dinov2.lvd142m'),
    ),
    neck=dict(
        type='Feature2Pyramid',
        embed_dim=384,
        rescales=[4, 2, 1, 0.5],
        norm_cfg=dict(type='BN', requires_grad=True),
    ),
    decode_head=dict(in_channels=[384, 384, 384, 384]),
)
