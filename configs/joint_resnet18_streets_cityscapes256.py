# Direct joint on a ResNet-18 from scratch: rendered streets and 50 labeled images
_base_ = [
    '_base_/models/segformer_resnet18.py',
    '_base_/datasets/streets_cityscapes256.py',
    '_base_/schedules/adamw_cityscapes256.py',
    '_base_/default_runtime.py',
]
train_dataloader = dict(  # batch norms from scratch need more images
    batch_size=8, sampler=dict(samples_per_domain=dict(source=4, target=4))
)
model = dict(decode_head=dict(num_classes=11))
optim_wrapper = dict(
    segmentor=dict(
        optimizer=dict(lr=1e-3),
        paramwise_cfg=dict(custom_keys=dict(decode_head=dict(lr_mult=1.0))),  # all layers are new
    )
)
