# DDM-like: direct joint + rectangles of the streets in labeled images; streets get target colors
_base_ = [
    './joint_efficientnet_lite0_streets_cityscapes256.py',
    '_base_/objectives/rectangle_mix.py',
]
train_dataloader = dict(
    dataset=dict(
        domains=dict(
            source=dict(
                pipeline=[
                    _base_.train_pipeline[0],  # loads the image
                    dict(type='MatchColors', like=_base_.train_dataloader.dataset.domains.target),
                    *_base_.train_pipeline[1:],
                ]
            )
        )
    )
)
model = dict(objectives=dict(rectangle_mix=_base_.rectangle_mix))
