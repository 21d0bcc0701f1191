# FCN8s on a VGG16 narrow enough to train from scratch on a CPU
_base_ = './fcn8s_vgg16.py'
model = dict(
    backbone=dict(
        channels=(16, 32, 64, 96, 96),
        fc_channels=128,
        fc_kernel=3,
        dropout_ratio=0.1,
        init_cfg=None,
    ),
    decode_head=dict(in_channels=[3, 64, 96, 128]),
)
