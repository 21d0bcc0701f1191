# ROAD (CVPR 2018) after its abstract, details ours: distillation and spatial classifiers (RO1-RO7)
distillation = dict(
    type='FeatureDistance',
    mode='l2',
    domains=('unlabeled',),  # guided by the target's images
    level=3,  # conv5 after its pool
    weight=0.1,  # λ of the distillation
)
spatial = dict(
    type='SpatialAdversarial',
    in_channels=512,
    feature_index=3,
    grid=(3, 3),
    weight=0.01,  # λ of the adaptation
)
spatial_optimizer = dict(optimizer=dict(type='Adam', lr=1e-4, betas=(0.9, 0.999), fused=True))
