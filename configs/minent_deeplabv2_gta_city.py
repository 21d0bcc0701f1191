# Maximum squares (ICCV 2019), GTA5 → Cityscapes, "MinEnt"
_base_ = './maxsquare_deeplabv2_gta_city.py'
# divided by C, as where λ_target is from (M5)
entropy = dict(type='EntropyLoss', normalization='classes')
model = dict(objectives=dict(regularization=dict(loss=dict(_delete_=True, **entropy))))
table_row = dict(
    _delete_=True,
    paper='MaxSquare',
    table='GTA5 → Cityscapes',
    row='MinEnt',
    miou=[(0, 42.2)],  # labelled pictures, the paper's
)
