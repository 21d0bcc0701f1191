# Maximum squares (ICCV 2019), Cityscapes → Rome, "MaxSquare+IW"
_base_ = './maxsquare_deeplabv2_city_rome.py'
model = dict(objectives=dict(regularization=dict(loss=_base_.image_wise)))
table_row = dict(
    _delete_=True,
    paper='MaxSquare',
    table='Cityscapes → Rome',
    row='MaxSquare+IW',
    miou=[(0, 54.5)],  # labelled pictures, the paper's
)
