# Target only: a few labeled images of the `camera` streets, in Cityscapes' layout
_base_ = './city.py'
target_root = 'data/streets/camera/'
train_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='LoadMappedAnnotations'),
    dict(type='Resize', scale=(240, 180)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
test_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='Resize', scale=(240, 180)),
    dict(type='LoadMappedAnnotations'),  # after Resize, to score at the label's own size
    dict(type='PackSegInputs'),
]
tta_pipeline = _base_.tta_pipeline
tta_pipeline[1]['transforms'][0] = [
    dict(type='Resize', scale=scale) for scale in [(120, 90), (240, 180), (300, 225)]
]
train_dataloader = dict(
    batch_size=2,
    sampler=dict(samples_per_domain=dict(target=2)),
    dataset=dict(domains=dict(target=dict(data_root=target_root, pipeline=train_pipeline))),
)
val_dataloader = dict(dataset=dict(data_root=target_root, pipeline=test_pipeline))
test_dataloader = val_dataloader
