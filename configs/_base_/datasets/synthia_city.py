# Joint: one SYNTHIA and one Cityscapes image per step, all 19 classes (HRS, H15)
_base_ = './gta_city.py'
source_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='LoadSynthiaAnnotations'),
    dict(type='Resize', scale=(1024, 512)),
    dict(type='PackSegInputs'),
]
synthia = dict(type='SynthiaDataset', data_root='data/synthia/', pipeline=source_pipeline)
train_dataloader = dict(dataset=dict(domains=dict(source=dict(_delete_=True, **synthia))))
