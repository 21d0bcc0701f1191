# HRS (CVPR 2019), Table 2, "Ours with W^19": SYNTHIA
_base_ = [
    './joint_fcn8s_synthia_city.py',
    '_base_/objectives/hrs_weighting.py',
    '_base_/objectives/reconstruction_gan.py',
]
model = dict(objectives=dict(weighting=_base_.weighting, gan=_base_.gan))
optim_wrapper = dict(weighting=_base_.weighting_optimizer, gan=_base_.gan_optimizers)
table_row = dict(
    _delete_=True,
    paper='HRS',
    table='2',
    row='Ours with W^19',
    miou=[(2975, 66.8)],  # labelled pictures, the paper's
)
