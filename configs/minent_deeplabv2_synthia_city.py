# Maximum squares (ICCV 2019), SYNTHIA → Cityscapes, "MinEnt"
_base_ = './maxsquare_deeplabv2_synthia_city.py'
# divided by C, as where λ_target is from (M5)
entropy = dict(type='EntropyLoss', normalization='classes')
model = dict(objectives=dict(regularization=dict(loss=dict(_delete_=True, **entropy))))
table_row = None
