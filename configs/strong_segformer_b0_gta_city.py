# The strong recipe on SegFormer-B0: GTA5 and 100 labeled Cityscapes images
_base_ = [
    '_base_/models/segformer_b0.py',
    '_base_/datasets/crops_gta_city.py',
    '_base_/schedules/adamw_80k.py',
    '_base_/objectives/strong.py',
    '_base_/default_runtime.py',
]
model = dict(objectives=_base_.strong)
model['objectives']['teacher'].update(
    alpha=0.999,  # α (DAFormer)
    start=10000,  # burn-in
)
train_dataloader = dict(dataset=dict(rare_classes=dict(source=dict(), target=dict())))
