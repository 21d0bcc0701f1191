# Maximum squares with image-wise weighting
_base_ = './maxsquare_squeezenet_streets_camvid.py'
model = dict(objectives=dict(regularization=dict(loss=_base_.image_wise)))
table_row = dict(
    _delete_=True, paper='MaxSquare', table='GTA5 → Cityscapes', row='MaxSquare+IW', scale='camvid'
)
