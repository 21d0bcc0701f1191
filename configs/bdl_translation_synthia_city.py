# BDL (CVPR 2019), SYNTHIA → Cityscapes, step 1: translation of images; nothing else is trained
_base_ = ['./adaptsegnet_deeplabv2_synthia_city.py', '_base_/objectives/cycle_translation.py']
crop = [dict(type='RandomCrop', crop_size=(512, 512), cat_max_ratio=1.0)]
crop += [dict(type='RandomFlip', prob=0.5), dict(type='PackSegInputs')]
source = _base_.train_dataloader.dataset.domains.source  # with its labels, for tools/translate.py
source.pipeline = [*_base_.source_pipeline[:-1], *crop]
city_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='Resize', scale=(1024, 512), interpolation='bicubic'),
    *crop,
]
model = dict(objectives=dict(_delete_=True, translation=_base_.translation))
optim_wrapper = dict(segmentor=None, ga=None, translation=_base_.translation_optimizers)
train_dataloader = dict(
    dataset=dict(
        domains=dict(
            source=dict(_delete_=True, type='Unlabeled', dataset=source),
            unlabeled=dict(pipeline=city_pipeline),
        )
    )
)
param_scheduler = [dict(type='PolyLR', power=1.0, eta_min=0.0, by_epoch=False)]
train_cfg = dict(max_iters=100000, val_interval=100000)  # validates the frozen segmentor at the end
