# FCN8s heads on SqueezeNet 1.1: small enough to train on a CPU
model = dict(
    type='JointEncoderDecoder',
    data_preprocessor=dict(
        type='JointDataPreprocessor',
        mean=[103.94, 116.78, 123.68],  # of the ImageNet weights, BGR
        std=[1.0, 1.0, 1.0],
        bgr_to_rgb=False,
        size_divisor=1,
        pad_val=0,
        seg_pad_val=255,
    ),
    backbone=dict(
        type='SqueezeNet',
        # a path to ImageNet weights; None trains from scratch
        init_cfg=dict(type='Pretrained', checkpoint='weights/squeezenet1_1_imagenet.pth'),
    ),
    decode_head=dict(
        type='FCN8sHead',
        in_channels=[3, 128, 256, 512],  # image, fire3, fire5, fire9
        in_index=[0, 1, 2, 3],
        strides=[4, 8, 16],
        num_classes=19,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),  # H2
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
