# Joint: rendered streets, a few labeled CamVid images, and all CamVid images without labels
_base_ = './streets_camvid.py'
train_dataloader = dict(
    batch_size=6,  # the sum of samples_per_domain
    sampler=dict(samples_per_domain=dict(source=2, target=2, unlabeled=2)),
    dataset=dict(
        domains=dict(
            unlabeled=dict(
                type='CamVidDataset',
                data_root=_base_.camvid_root,
                data_prefix=dict(img_path='images/train', seg_map_path='labels/train'),
                pipeline=_base_.train_pipeline,
            )
        )
    ),
)
