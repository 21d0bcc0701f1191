# ROAD after its abstract, on SqueezeNet, no labels of CamVid
_base_ = [
    '_base_/models/fcn8s_squeezenet.py',
    '_base_/datasets/streets_camvid_unsupervised.py',
    '_base_/schedules/adam_camvid.py',
    '_base_/objectives/road.py',
    '_base_/default_runtime.py',
]
model = dict(
    decode_head=dict(num_classes=11),
    # from fire9
    objectives=dict(distillation=_base_.distillation, spatial=_base_.spatial),
)
model['objectives']['spatial'].update(classifier=dict(channels=(128, 64, 32)))
optim_wrapper = dict(spatial=_base_.spatial_optimizer)
