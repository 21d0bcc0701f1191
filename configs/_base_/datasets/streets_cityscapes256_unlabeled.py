# Joint, plus all images of the 256×256 Cityscapes without labels
_base_ = './streets_cityscapes256.py'
train_dataloader = dict(
    batch_size=6,  # the sum of samples_per_domain
    sampler=dict(samples_per_domain=dict(unlabeled=2)),
    dataset=dict(
        domains=dict(
            unlabeled=dict(
                type='CityscapesTrainIdsDataset',
                data_root=_base_.cityscapes256_root,
                data_prefix=dict(img_path='images/train'),
                protocol='camvid',
                pipeline=_base_.train_pipeline,
            )
        )
    ),
)
