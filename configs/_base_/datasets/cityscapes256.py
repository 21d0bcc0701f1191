# Target only: a few of the 2,975 training images of the public 256×256 Cityscapes, in CamVid's 11
# classes; docs/backbones.md says where they come from
_base_ = './city.py'
cityscapes256_root = 'data/cityscapes256/'
train_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='LoadMappedAnnotations'),
    # 256×256 stretched to Cityscapes' own aspect ratio; a crop fits even at the smallest scale
    dict(type='RandomResize', scale=(384, 192), ratio_range=(0.85, 1.5), keep_ratio=False),
    dict(type='RandomCrop', crop_size=(160, 256), cat_max_ratio=1.0),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
test_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='Resize', scale=(384, 192)),
    dict(type='LoadMappedAnnotations'),  # after Resize, to score at the label's own size
    dict(type='PackSegInputs'),
]
tta_pipeline = _base_.tta_pipeline
tta_pipeline[1]['transforms'][0] = [
    dict(type='Resize', scale=scale) for scale in [(288, 144), (384, 192), (480, 240)]
]
train_dataloader = dict(
    batch_size=2,
    sampler=dict(samples_per_domain=dict(target=2)),
    dataset=dict(
        # for all rows: with many labels and few steps, this matters more than any method
        rare_classes=dict(target=dict(min_pixels=500)),
        domains=dict(
            target=dict(
                _delete_=True,
                type='LabelSubset',
                count=50,  # labeled real images
                seed=0,
                dataset=dict(
                    type='CityscapesTrainIdsDataset',
                    data_root=cityscapes256_root,
                    data_prefix=dict(img_path='images/train', seg_map_path='labels/train'),
                    protocol='camvid',
                    pipeline=train_pipeline,
                ),
            )
        ),
    ),
)
val_dataloader = dict(
    batch_size=4,
    dataset=dict(
        type='CityscapesTrainIdsDataset',
        data_root=cityscapes256_root,
        data_prefix=dict(img_path='images/val', seg_map_path='labels/val'),
        protocol='camvid',
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
