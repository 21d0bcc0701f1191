# The strong recipe on DINOv2-S: GTA5 and 100 labeled Cityscapes images
_base_ = [
    '_base_/models/segformer_dinov2_s.py',
    '_base_/datasets/crops_gta_city.py',
    '_base_/schedules/adamw_40k_layer_decay.py',
    '_base_/objectives/strong.py',
    '_base_/default_runtime.py',
]
model = dict(objectives=_base_.strong)
model['objectives']['teacher'].update(
    alpha=0.999,  # α (DAFormer)
    start=5000,  # burn-in
)
train_dataloader = dict(dataset=dict(rare_classes=dict(source=dict(), target=dict())))
