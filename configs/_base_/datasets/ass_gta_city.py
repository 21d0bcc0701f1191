# Per step: one GTA5 image, one labeled and one unlabeled Cityscapes image
_base_ = './ass_city.py'
source_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='LoadMappedAnnotations'),
    dict(type='Resize', scale=(1280, 720), interpolation='bicubic'),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    batch_size=3,  # the sum of samples_per_domain
    sampler=dict(samples_per_domain=dict(source=1, target=1, unlabeled=1)),
    dataset=dict(
        domains=dict(
            source=dict(type='GTADataset', data_root='data/gta/', pipeline=source_pipeline),
            # the whole training set; its labels are never read
            unlabeled=dict(
                type='CityscapesIdsDataset',
                data_root=_base_.city_root,
                data_prefix=dict(img_path='leftImg8bit/train', seg_map_path='gtFine/train'),
                pipeline=_base_.train_pipeline,
            ),
        )
    ),
)
