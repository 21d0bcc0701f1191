# The strong recipe where nothing is labeled: the streets in the colors of the real images
_base_ = './strong_efficientnet_lite0_streets_cityscapes256.py'
train_dataloader = dict(
    dataset=dict(
        domains=dict(
            source=dict(
                pipeline=[
                    _base_.train_pipeline[0],  # loads the image
                    dict(
                        type='MatchColors', like=_base_.train_dataloader.dataset.domains.unlabeled
                    ),
                    *_base_.train_pipeline[1:],
                ]
            )
        )
    )
)
