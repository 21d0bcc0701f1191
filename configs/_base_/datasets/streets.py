# Joint: `rendered` streets in GTA5's layout and the few `camera` ones
_base_ = './streets_target.py'
train_dataloader = dict(
    batch_size=4,  # the sum of samples_per_domain
    sampler=dict(samples_per_domain=dict(source=2, target=2)),
    dataset=dict(
        domains=dict(
            source=dict(
                type='GTADataset',
                data_root='data/streets/rendered/',
                pipeline=_base_.train_pipeline,
            )
        )
    ),
)
