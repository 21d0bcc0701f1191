# The strong recipe: joint training as a burn-in, then an averaged teacher, classes of both labeled
# domains pasted onto unlabeled images, and consistency on strongly augmented ones. Rare classes
# are labeled more often (debias) and sampled more often (train_dataloader.dataset.rare_classes).
# To take an ingredient away: model.objectives.class_mix=None, .consistency_mix=None,
# .teacher.debias=0, dataset.rare_classes=None.
_base_ = ['./teacher.py', './class_mix.py', './consistency_mix.py']
strong = dict(
    teacher=_base_.teacher, class_mix=_base_.class_mix, consistency_mix=_base_.consistency_mix
)
# λ, chosen among 0, .4 and .7 (docs/cityscapes256.md)
strong['teacher'].update(debias=0.7)
strong['class_mix'].update(from_domains=('source', 'target'))
