# Target only: a few of CamVid's 367 labelled training pictures
camvid_root = 'data/camvid/'
train_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='LoadMappedAnnotations'),
    dict(type='RandomResize', scale=(480, 360), ratio_range=(0.7, 1.4), keep_ratio=True),
    dict(type='RandomCrop', crop_size=(288, 384), cat_max_ratio=1.0),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
test_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='LoadMappedAnnotations'),
    dict(type='PackSegInputs'),
]
# the training scale, half and one and a quarter of it, each mirrored too
tta_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(
        type='TestTimeAug',
        transforms=[
            [
                dict(type='Resize', scale=(240, 180)),
                dict(type='Resize', scale=(480, 360)),
                dict(type='Resize', scale=(600, 450)),
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
    batch_size=4,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='JointSampler', shares=dict(target=4)),
    dataset=dict(
        type='JointDataset',
        domains=dict(
            target=dict(
                type='LabelSubset',
                count=12,  # labelled real pictures
                seed=0,
                dataset=dict(
                    type='CamVidDataset',
                    data_root=camvid_root,
                    data_prefix=dict(img_path='images/train', seg_map_path='labels/train'),
                    pipeline=train_pipeline,
                ),
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
        type='CamVidDataset',
        data_root=camvid_root,
        data_prefix=dict(img_path='images/val', seg_map_path='labels/val'),
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator
