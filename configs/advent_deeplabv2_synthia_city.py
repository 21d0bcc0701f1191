# AdvEnt (CVPR 2019) beside maximum squares, SYNTHIA → Cityscapes, "AdvEnt"
_base_ = [
    '_base_/models/deeplabv2_r101_bn.py',
    '_base_/datasets/maxsquare_synthia_city.py',
    '_base_/schedules/source_then_adapt.py',
    '_base_/objectives/output_adversarial.py',
    '_base_/default_runtime.py',
]
model = dict(objectives=dict(ga=_base_.ga))
# target outputs are trained to be classified as source, from their self-information
model['objectives']['ga'].update(align='target', input='self_information')
optim_wrapper = dict(ga=_base_.ga_optimizer)
stages = _base_.stages
stages[0].update(optim_wrapper=dict(ga=None))  # no D in the source stage
