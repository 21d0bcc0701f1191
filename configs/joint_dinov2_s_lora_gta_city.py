# Direct joint, DINOv2-S with low-rank matrices beside its attention (pip install peft)
_base_ = [
    '_base_/models/segformer_dinov2_s.py',
    '_base_/datasets/gta_city_14.py',
    '_base_/schedules/adamw_80k.py',
    '_base_/default_runtime.py',
]
model = dict(backbone=dict(lora=dict(r=16, lora_alpha=16, target_modules=['qkv'])))
optim_wrapper = dict(
    dtype='bfloat16',
    segmentor=dict(
        optimizer=dict(lr=5e-4),
        paramwise_cfg=dict(custom_keys=dict(decode_head=dict(lr_mult=2.0))),
    ),
)
train_cfg = dict(max_iters=40000)
