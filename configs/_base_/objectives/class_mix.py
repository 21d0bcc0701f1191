# DACS: half of a labeled image's classes are pasted onto unlabeled images, which a teacher labels
class_mix = dict(
    type='ClassMix',
    from_domains=('source',),
    threshold=0.968,  # τ
)
