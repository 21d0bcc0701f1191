# DACS: an averaged teacher labels unlabeled images, onto which a labeled image's classes are pasted
teacher = dict(
    type='Teacher',
    alpha=0.99,  # α; .999 in DAFormer and MIC
    start=0,  # optimizer steps of burn-in
)
class_mix = dict(
    type='ClassMix',
    teacher='teacher',  # its name in model.objectives
    from_domains=('source',),
    threshold=0.968,  # τ
)
