# Target only: a few of CamVid's 367 labeled training images
_base_ = './city.py'
camvid_root = 'data/camvid/'
train_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='LoadMappedAnnotations'),
    dict(type='RandomResize', scale=(480, 360), ratio_range=(0.7, 1.4), keep_ratio=True),
    dict(type='RandomCrop', crop_size=(224, 288), cat_max_ratio=1.0),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
test_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='LoadMappedAnnotations'),
    dict(type='PackSegInputs'),
]
tta_pipeline = _base_.tta_pipeline
tta_pipeline[1]['transforms'][0] = [
    dict(type='Resize', scale=scale) for scale in [(240, 180), (480, 360), (600, 450)]
]
train_dataloader = dict(
    batch_size=2,
    sampler=dict(samples_per_domain=dict(target=2)),
    dataset=dict(
        domains=dict(
            target=dict(
                _delete_=True,
                type='LabelSubset',
                count=12,  # labeled real images
                seed=0,
                dataset=dict(
                    type='CamVidDataset',
                    data_root=camvid_root,
                    data_prefix=dict(img_path='images/train', seg_map_path='labels/train'),
                    pipeline=train_pipeline,
                ),
            )
        )
    ),
)
val_dataloader = dict(
    dataset=dict(
        type='CamVidDataset',
        data_root=camvid_root,
        data_prefix=dict(img_path='images/val', seg_map_path='labels/val'),
        pipeline=test_pipeline,
    )
)
test_dataloader = val_dataloader
