# Per step: crops of two GTA5, two labeled and two unlabeled Cityscapes images (DAFormer)
_base_ = './ass_gta_city.py'
crop = [dict(type='RandomCrop', crop_size=(512, 512), cat_max_ratio=0.75)]
crop += [dict(type='RandomFlip', prob=0.5), dict(type='PackSegInputs')]
source_pipeline = [*_base_.source_pipeline[:-1], *crop]  # of 1280×720
train_pipeline = [*_base_.train_pipeline[:-1], *crop]  # of 1024×512
train_dataloader = dict(
    batch_size=6,  # the sum of samples_per_domain
    num_workers=4,
    sampler=dict(samples_per_domain=dict(source=2, target=2, unlabeled=2)),
    dataset=dict(
        domains=dict(
            source=dict(pipeline=source_pipeline),
            target=dict(count=100, dataset=dict(pipeline=train_pipeline)),
            unlabeled=dict(pipeline=train_pipeline),
        )
    ),
)
