# AdamW with warm-up and a learning rate that falls toward the stem, to finetune a foundation model
_base_ = './adamw_80k.py'
optim_wrapper = dict(
    dtype='bfloat16',
    segmentor=dict(
        optimizer=dict(lr=1e-4, weight_decay=0.05),
        constructor='LayerDecayConstructor',
        paramwise_cfg=dict(
            layer_decay=0.9,  # γ
            custom_keys=dict(neck=dict(lr_mult=10.0)),  # new layers, as the head
        ),
        clip_grad=dict(max_norm=1.0),
    ),
)
train_cfg = dict(max_iters=40000)
