# All three papers at once on DeepLabV2: a few labels, source pixels weighted (HRS), features of
# each class aligned (CSA), maximum squares on the unlabeled images
_base_ = [
    '_base_/models/deeplabv2_r101.py',
    '_base_/datasets/ass_gta_city.py',
    '_base_/schedules/sgd_150k.py',
    '_base_/objectives/hrs_weighting.py',
    '_base_/objectives/semantic_adversarial.py',
    '_base_/objectives/target_regularization.py',
    '_base_/default_runtime.py',
]
model = dict(
    objectives=dict(
        weighting=_base_.weighting,
        sa=_base_.csa,
        regularization=_base_.squares,
    )
)
optim_wrapper = dict(weighting=_base_.weighting_optimizer, sa=_base_.sa_optimizer)
