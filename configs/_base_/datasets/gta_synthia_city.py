# Joint: one image of GTA5 or SYNTHIA and one Cityscapes image per step
_base_ = './synthia_city.py'
gta = dict(type='GTADataset', data_root='data/gta/', pipeline=_base_.train_pipeline)
train_dataloader = dict(
    dataset=dict(
        domains=dict(
            source=dict(
                _delete_=True,
                type='MixedDataset',
                shares=(1, 1),  # as many images of GTA5 as of SYNTHIA
                datasets=[gta, _base_.synthia],
            )
        )
    )
)
