# Target only: 50 labeled images of the 256×256 Cityscapes, a ResNet-18 from scratch
_base_ = [
    '_base_/models/segformer_resnet18.py',
    '_base_/datasets/cityscapes256.py',
    '_base_/schedules/adamw_cityscapes256.py',
    '_base_/default_runtime.py',
]
train_dataloader = dict(  # batch norms from scratch need more images
    batch_size=4, sampler=dict(samples_per_domain=dict(target=4))
)
model = dict(decode_head=dict(num_classes=11))
optim_wrapper = dict(
    segmentor=dict(
        optimizer=dict(lr=1e-3),
        paramwise_cfg=dict(custom_keys=dict(decode_head=dict(lr_mult=1.0))),  # all layers are new
    )
)
