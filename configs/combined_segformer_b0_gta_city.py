# All three papers at once on mmseg's SegFormer-B0
_base_ = [
    '_base_/models/segformer_b0.py',
    '_base_/datasets/ass_gta_city.py',
    '_base_/schedules/adamw_80k.py',
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
model['objectives']['sa']['discriminator'].update(in_channels=256)  # of the last stage
optim_wrapper = dict(weighting=_base_.weighting_optimizer, sa=_base_.sa_optimizer)
