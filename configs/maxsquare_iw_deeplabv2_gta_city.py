# Maximum squares (ICCV 2019), GTA5 → Cityscapes, "MaxSquare+IW"
_base_ = './maxsquare_deeplabv2_gta_city.py'
model = dict(objectives=dict(regularization=dict(loss=_base_.image_wise)))
table_row = dict(
    _delete_=True,
    paper='MaxSquare',
    table='GTA5 → Cityscapes',
    row='MaxSquare+IW',
    miou=[(0, 45.2)],  # labelled pictures, the paper's
)
