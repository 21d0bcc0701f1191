# Maximum squares (ICCV 2019), GTA5 → Cityscapes, "MinEnt"
_base_ = './maxsquare_deeplabv2_gta_city.py'
model = dict(objectives=dict(regularization=dict(loss=_base_.entropy)))
table_row = dict(
    _delete_=True,
    paper='MaxSquare',
    table='GTA5 → Cityscapes',
    row='MinEnt',
    miou=[(0, 42.2)],  # labelled pictures, the paper's
)
