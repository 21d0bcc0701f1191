# Entropy minimisation
_base_ = './maxsquare_squeezenet_streets_camvid.py'
# divided by C, as where λ_target is from (M5)
entropy = dict(type='EntropyLoss', normalization='classes')
model = dict(objectives=dict(regularization=dict(loss=dict(_delete_=True, **entropy))))
table_row = dict(
    _delete_=True, paper='MaxSquare', table='GTA5 → Cityscapes', row='MinEnt', scale='camvid'
)
