# Direct joint, DINOv2-B finetuned with layer-wise decay
_base_ = [
    '_base_/models/segformer_dinov2_b.py',
    '_base_/datasets/gta_city_14.py',
    '_base_/schedules/adamw_40k_layer_decay.py',
    '_base_/default_runtime.py',
]
