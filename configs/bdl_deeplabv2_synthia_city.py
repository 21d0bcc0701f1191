# BDL (CVPR 2019), SYNTHIA → Cityscapes, step 2: AdaptSegNet on translated images (M0)
_base_ = './adaptsegnet_deeplabv2_synthia_city.py'
translated_pipeline = _base_.source_pipeline
translated_pipeline[1] = dict(type='LoadMappedAnnotations')
train_dataloader = dict(
    dataset=dict(
        domains=dict(
            source=dict(
                _delete_=True,
                type='WrittenDataset',
                data_root='work_dirs/bdl_synthia/translated/',  # from tools/translate.py
                pipeline=translated_pipeline,
            )
        )
    )
)
train_cfg = dict(max_iters=80000)  # of the schedule's 250,000
