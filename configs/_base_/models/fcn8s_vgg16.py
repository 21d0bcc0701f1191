# F = S∘E: FCN8s on VGG16; E is the backbone and the head's score convs, S only up-samples (H7)
model = dict(
    type='JointEncoderDecoder',
    data_preprocessor=dict(
        type='JointDataPreprocessor',
        mean=[123.675, 116.28, 103.53],  # of the ImageNet weights, RGB
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        size_divisor=1,
        pad_val=0,
        seg_pad_val=255,
    ),
    backbone=dict(
        type='VGGEncoder',
        fc_channels=4096,
        dropout_ratio=0.5,
        legacy_padding=False,  # H8
        init_cfg=dict(
            type='Pretrained', checkpoint='https://download.pytorch.org/models/vgg16-397923af.pth'
        ),
    ),
    decode_head=dict(
        type='FCN8sHead',
        in_channels=[3, 256, 512, 4096],  # image, pool3, pool4, fc7
        in_index=[0, 1, 2, 4],
        num_classes=19,
        legacy_padding=False,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),  # H2
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
