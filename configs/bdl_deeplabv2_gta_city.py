# BDL (CVPR 2019), GTA5 → Cityscapes, step 2: AdaptSegNet on translated images (M0)
_base_ = './adaptsegnet_deeplabv2_gta_city.py'
train_dataloader = dict(
    dataset=dict(
        domains=dict(
            source=dict(
                _delete_=True,
                type='WrittenDataset',
                data_root='work_dirs/bdl_gta/translated/',  # from tools/translate.py
                pipeline=_base_.source_pipeline,
            )
        )
    )
)
train_cfg = dict(max_iters=80000)  # of the schedule's 250,000
