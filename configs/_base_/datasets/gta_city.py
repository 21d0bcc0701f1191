# Joint: one GTA5 and one Cityscapes image per step
_base_ = './city.py'
train_dataloader = dict(
    batch_size=2,  # the sum of samples_per_domain
    sampler=dict(samples_per_domain=dict(source=1, target=1)),
    dataset=dict(
        domains=dict(
            source=dict(type='GTADataset', data_root='data/gta/', pipeline=_base_.train_pipeline)
        )
    ),
)
