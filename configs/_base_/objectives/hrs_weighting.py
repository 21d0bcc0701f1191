# W: hierarchical weighting networks (HRS, Eq. 1 and 3-5)
weighting = dict(
    type='HierarchicalWeighting',
    per_class=True,  # W^19: one map per class; False is W^1
    levels=('pixel', 'region', 'image'),  # W_p, W_r, W_i
)
weighting_optimizer = dict(
    optimizer=dict(type='Adam', lr=1e-4, betas=(0.9, 0.999), fused=True)
)  # W
