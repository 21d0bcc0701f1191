# FixMatch with CutMix: a teacher's labels on strongly augmented unlabeled images
consistency_mix = dict(
    type='ConsistencyMix',
    threshold=0.95,  # τ
    views=1,  # 2 in UniMatch
)
