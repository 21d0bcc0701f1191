# N labeled Cityscapes images, 1024×512, no crop, no mirror (ASS, A9)
_base_ = './city.py'
train_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='LoadMappedAnnotations'),
    dict(type='Resize', scale=(1024, 512), interpolation='bicubic'),
    dict(type='PackSegInputs'),
]
test_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='Resize', scale=(1024, 512), interpolation='bicubic'),
    dict(type='LoadMappedAnnotations'),  # after Resize, to score at the label's own size
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    dataset=dict(
        domains=dict(
            target=dict(
                _delete_=True,
                type='LabelSubset',
                count=500,  # N: 50, 100, 200, 500, 1000 or all 2975
                seed=0,  # 0, 1 or 2
                list_file='cityscapes/{count:04d}_seed{seed}.txt',  # ships with the package (A10)
                dataset=dict(
                    type='CityscapesIdsDataset',
                    data_root=_base_.city_root,
                    data_prefix=dict(img_path='leftImg8bit/train', seg_map_path='gtFine/train'),
                    pipeline=train_pipeline,
                ),
            )
        )
    ),
)
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(_delete_=True, type='ProtocolIoUMetric', protocols=('19',))
test_evaluator = val_evaluator
