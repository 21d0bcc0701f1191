# ASS (CVPRW 2020), Table 2a: GA+FCSA with λ_sadv = 0.008
_base_ = './ga_fcsa_deeplabv2_gta_city.py'
model = dict(objectives=dict(sa=dict(weight=0.008)))  # λ_sadv
table_row = dict(
    _delete_=True,
    paper='ASS',
    table='2a',
    row='λ = 0.008',
    miou=[(100, 53.96), (500, 59.74)],  # labelled pictures, the paper's
)
