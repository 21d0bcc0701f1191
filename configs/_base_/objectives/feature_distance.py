# DAFormer: the backbone's features of things stay close to those of its pretrained weights
feature_distance = dict(
    type='FeatureDistance',
    mode='l2',
    weight=0.005,  # λ_FD
    classes=(6, 7, 11, 12, 13, 14, 15, 16, 17, 18),  # Cityscapes' things, traffic lights and signs
    purity=0.75,  # r
)
# VFM-UDA++, for foundation models, over all cells; `channels` is the number of feature channels
foundation_distance = dict(
    type='FeatureDistance', mode='cosine', weight=0.1, channels=384, domains=('source', 'unlabeled')
)
foundation_distance_optimizer = dict(optimizer=dict(type='AdamW', lr=1e-4, fused=True))
