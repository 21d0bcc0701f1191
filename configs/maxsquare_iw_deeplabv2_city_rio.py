# Maximum squares (ICCV 2019), Cityscapes → Rio, "MaxSquare+IW"
_base_ = './maxsquare_deeplabv2_city_rio.py'
model = dict(objectives=dict(regularization=dict(loss=_base_.image_wise)))
table_row = dict(
    _delete_=True,
    paper='MaxSquare',
    table='Cityscapes → Rio',
    row='MaxSquare+IW',
    miou=[(0, 53.3)],  # labelled pictures, the paper's
)
