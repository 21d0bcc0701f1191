# BDL's translation, rendered streets → CamVid, its networks a quarter as wide as the paper's
_base_ = [
    '_base_/models/fcn8s_squeezenet.py',
    '_base_/datasets/streets_camvid_unsupervised.py',
    '_base_/schedules/adam_camvid.py',
    '_base_/objectives/cycle_translation.py',
    '_base_/default_runtime.py',
]
streets_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='LoadMappedAnnotations'),  # for tools/translate.py
    dict(type='Resize', scale=(480, 360)),
    dict(type='RandomCrop', crop_size=(128, 128), cat_max_ratio=1.0),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
streets = _base_.train_dataloader.dataset.domains.source
streets.pipeline = streets_pipeline
model = dict(decode_head=dict(num_classes=11), objectives=dict(translation=_base_.translation))
model['objectives']['translation'].update(
    generator=dict(channels=(16, 32, 64), num_blocks=6),
    discriminator=dict(channels=(16, 32, 64, 128)),
    pool_image_size=(128, 128),
)
optim_wrapper = dict(segmentor=None, translation=_base_.translation_optimizers)
train_dataloader = dict(
    batch_size=2,
    sampler=dict(samples_per_domain=dict(source=1, unlabeled=1)),
    dataset=dict(
        domains=dict(
            source=dict(_delete_=True, type='Unlabeled', dataset=streets),
            unlabeled=dict(pipeline=streets_pipeline),
        )
    ),
)
param_scheduler = [dict(type='PolyLR', power=1.0, eta_min=0.0, by_epoch=False)]
train_cfg = dict(max_iters=2000, val_interval=2000)  # validates the frozen segmentor at the end
