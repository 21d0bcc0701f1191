# The strong recipe: rendered streets, 12 labeled CamVid images, all CamVid images without labels
_base_ = [
    '_base_/models/fcn8s_squeezenet.py',
    '_base_/datasets/streets_camvid_unlabeled.py',
    '_base_/schedules/adam_camvid.py',
    '_base_/objectives/strong.py',
    '_base_/default_runtime.py',
]
model = dict(decode_head=dict(num_classes=11), objectives=_base_.strong)
# burn-in, a quarter of the schedule; λ as measured, since .7 was not measured here
model['objectives']['teacher'].update(start=150, debias=0.0)
padded = [
    *_base_.train_pipeline[:-1],
    # streets are wider than CamVid: where they are smaller than the crop, mixes need padding
    dict(type='Pad', size=(288, 224), pad_val=dict(img=0, seg=255)),
    _base_.train_pipeline[-1],
]
train_dataloader = dict(
    dataset=dict(
        domains=dict(source=dict(pipeline=padded)),
        rare_classes=dict(source=dict(min_pixels=750), target=dict(min_pixels=750)),
    )
)
