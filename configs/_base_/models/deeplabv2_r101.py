# DeepLabV2 on ResNet-101, output stride 8, as AdaptSegNet trains it
model = dict(
    type='JointEncoderDecoder',
    channels_last=True,
    data_preprocessor=dict(
        type='JointDataPreprocessor',
        mean=[104.00698793, 116.66876762, 122.67891434],  # of Caffe's ImageNet weights, BGR
        std=[1.0, 1.0, 1.0],
        bgr_to_rgb=False,
        size_divisor=1,
        pad_val=0,
        seg_pad_val=255,
    ),
    backbone=dict(
        type='DeepLabResNet',
        depth=101,
        strides=(1, 2, 1, 1),
        dilations=(1, 1, 2, 4),
        style='caffe',  # stride on the first 1×1 convolution
        # affine parameters frozen, batch statistics used and updated
        norm_cfg=dict(type='BN', requires_grad=False),
        norm_eval=False,
        init_cfg=dict(type='Pretrained', checkpoint='open-mmlab://detectron2/resnet101_caffe'),
    ),
    decode_head=dict(
        type='DeepLabV2Head',
        in_channels=2048,
        in_index=3,
        dilations=(6, 12, 18, 24),
        num_classes=19,
        align_corners=True,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True, loss_weight=1.0),  # λ_seg
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
