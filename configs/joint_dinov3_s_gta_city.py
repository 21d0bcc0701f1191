# Direct joint, DINOv3-S finetuned with layer-wise decay
_base_ = [
    '_base_/models/segformer_dinov3_s.py',
    '_base_/datasets/gta_city.py',
    '_base_/schedules/adamw_40k_layer_decay.py',
    '_base_/default_runtime.py',
]
