# Unlabeled images: the network is trained to be confident (maximum squares, MinEnt)
squares = dict(
    type='TargetRegularization',
    loss=dict(type='MaxSquareLoss'),
    weight=0.1,  # λ_target
)
# MinEnt: divided by C, as in the code that λ_target is from (M5)
entropy = dict(_delete_=True, type='EntropyLoss', normalization='classes')
image_wise = dict(image_wise=True, ratio=0.2)  # IW, r
guidance = dict(
    guidance=True,  # multi-level self-produced guidance
    threshold=0.95,  # t
    weight=0.09,  # λ_target
    auxiliary_weight=0.1,  # of the auxiliary head
)
