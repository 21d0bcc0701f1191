# A second classifier on conv4, for objectives that work on two levels (A7)
auxiliary_head = dict(
    type='DeepLabV2Head',
    in_channels=1024,
    in_index=2,  # conv4
    dilations=(6, 12, 18, 24),
    num_classes=19,
    align_corners=True,
    loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True, loss_weight=0.1),  # λ_seg
)
auxiliary_rate = dict(custom_keys=dict(auxiliary_head=dict(lr_mult=10.0)))
