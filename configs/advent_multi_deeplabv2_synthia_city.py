# ADVENT's own AdvEnt (CVPR 2019), SYNTHIA → Cityscapes: two levels on AdaptSegNet's data and schedule
_base_ = './adaptsegnet_multi_deeplabv2_synthia_city.py'
model = dict(objectives=dict(ga=dict(input='self_information')))
train_cfg = dict(max_iters=120000)  # of the schedule's 250,000
