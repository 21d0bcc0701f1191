# Per step: one SYNTHIA image and one unlabeled Cityscapes image; 16 and 13 classes together
_base_ = './maxsquare_gta_city.py'
source_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='LoadSynthiaAnnotations'),
    dict(type='Resize', scale=(1280, 760), interpolation='bicubic'),
    *_base_.source_pipeline[3:],
]
train_dataloader = dict(
    dataset=dict(
        domains=dict(
            source=dict(
                _delete_=True,
                type='SynthiaDataset',
                data_root='data/synthia/',
                pipeline=source_pipeline,
            )
        )
    ),
)
val_evaluator = dict(protocols=('16', '13of16', '13'))
test_evaluator = val_evaluator
