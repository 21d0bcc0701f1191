# ASS (CVPRW 2020), Table 1, "GA": score maps aligned, N labeled images
_base_ = [
    '_base_/models/deeplabv2_r101.py',
    '_base_/datasets/ass_gta_city.py',
    '_base_/schedules/sgd_150k.py',
    '_base_/default_runtime.py',
    '_base_/objectives/output_adversarial.py',
]
model = dict(objectives=dict(ga=_base_.ga))
optim_wrapper = dict(ga=_base_.ga_optimizer)
