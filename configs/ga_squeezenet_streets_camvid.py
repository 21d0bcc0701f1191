# GA: rendered streets' score maps aligned with CamVid's, a few labeled CamVid images
_base_ = [
    '_base_/models/fcn8s_squeezenet.py',
    '_base_/datasets/streets_camvid_unlabeled.py',
    '_base_/schedules/adam_camvid.py',
    '_base_/objectives/output_adversarial.py',
    '_base_/default_runtime.py',
]
model = dict(decode_head=dict(num_classes=11), objectives=dict(ga=_base_.ga))
optim_wrapper = dict(ga=_base_.ga_optimizer)
