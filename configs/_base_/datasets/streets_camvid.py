# Joint: rendered streets, in CamVid's 11 classes, and CamVid
_base_ = './camvid.py'
train_dataloader = dict(
    batch_size=4,  # the sum of samples_per_domain
    sampler=dict(samples_per_domain=dict(source=2, target=2)),
    dataset=dict(
        domains=dict(
            source=dict(
                type='GTADataset',
                data_root='data/streets/rendered/',
                protocol='camvid',
                pipeline=_base_.train_pipeline,
            )
        )
    ),
)
