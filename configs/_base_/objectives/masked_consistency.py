# MIC: a teacher's labels for unlabeled images that are mostly masked
masked_consistency = dict(
    type='MaskedConsistency',
    ratio=0.7,  # r
    block=None,  # b, 64 pixels at a crop of 1024
    weight=1.0,  # λ_M
)
