# Maximum squares on unlabeled CamVid images, from a source-only checkpoint
_base_ = [
    '_base_/models/fcn8s_squeezenet.py',
    '_base_/datasets/streets_camvid_unsupervised.py',
    '_base_/schedules/source_then_adapt_camvid.py',
    '_base_/objectives/target_regularization.py',
    '_base_/default_runtime.py',
]
model = dict(
    decode_head=dict(num_classes=11),
    objectives=dict(regularization=_base_.squares),
)
