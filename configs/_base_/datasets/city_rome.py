# Cross-city: labeled Cityscapes and unlabeled images of another city, 13 classes, 1024×512
_base_ = './city.py'
train_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='LoadMappedAnnotations'),
    dict(type='Resize', scale=(1024, 512), interpolation='bicubic'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='RandomGaussianBlur', prob=0.5, radius=(0, 1)),
    dict(type='PackSegInputs'),
]
test_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='Resize', scale=(1024, 512), interpolation='bicubic'),
    dict(type='LoadMappedAnnotations'),  # after Resize, to score at the label's own size
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    batch_size=2,  # the sum of samples_per_domain
    sampler=dict(samples_per_domain=dict(_delete_=True, source=1, unlabeled=1)),
    dataset=dict(
        domains=dict(
            _delete_=True,
            source=dict(
                type='CityscapesIdsDataset',
                data_root=_base_.city_root,
                data_prefix=dict(img_path='leftImg8bit/train', seg_map_path='gtFine/train'),
                protocol='nthu',
                pipeline=train_pipeline,
            ),
            unlabeled=dict(
                type='NTHUDataset',
                data_root='data/nthu/',
                city='Rome',
                split='train',
                pipeline=train_pipeline,
            ),
        )
    ),
)
val_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='NTHUDataset',
        data_root='data/nthu/',
        city='Rome',
        pipeline=test_pipeline,
    )
)
test_dataloader = val_dataloader
