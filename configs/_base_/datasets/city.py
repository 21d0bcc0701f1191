# Target only: Cityscapes, resized to 1024×512, batch 1 (HRS, Section 4)
city_root = 'data/cityscapes/'
train_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='LoadMappedAnnotations'),
    dict(type='Resize', scale=(1024, 512)),
    dict(type='PackSegInputs'),
]
test_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='Resize', scale=(1024, 512)),
    dict(type='LoadMappedAnnotations'),  # after Resize, to score at the label's own size
    dict(type='PackSegInputs'),
]
# 0.5, 1 and 1.25 times the training scale, each also mirrored
tta_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(
        type='TestTimeAug',
        transforms=[
            [
                dict(type='Resize', scale=(512, 256)),
                dict(type='Resize', scale=(1024, 512)),
                dict(type='Resize', scale=(1280, 640)),
            ],
            [
                dict(type='RandomFlip', prob=0.0, direction='horizontal'),
                dict(type='RandomFlip', prob=1.0, direction='horizontal'),
            ],
            [dict(type='LoadMappedAnnotations')],
            [dict(type='PackSegInputs')],
        ],
    ),
]
train_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='JointSampler', samples_per_domain=dict(target=1)),
    dataset=dict(
        type='JointDataset',
        domains=dict(
            target=dict(
                type='CityscapesIdsDataset',
                data_root=city_root,
                data_prefix=dict(img_path='leftImg8bit/train', seg_map_path='gtFine/train'),
                pipeline=train_pipeline,
            )
        ),
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='CityscapesIdsDataset',
        data_root=city_root,
        data_prefix=dict(img_path='leftImg8bit/val', seg_map_path='gtFine/val'),
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator
