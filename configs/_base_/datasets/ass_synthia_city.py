# Per step: one SYNTHIA image, one labeled and one unlabeled Cityscapes image; 13 and 16 classes
_base_ = './ass_gta_city.py'
source_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='LoadSynthiaAnnotations'),
    dict(type='Resize', scale=(1280, 760), interpolation='bicubic'),
    dict(type='PackSegInputs'),
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
val_evaluator = dict(protocols=('13of16', '13', '16'))
test_evaluator = val_evaluator
