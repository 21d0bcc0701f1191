# ASS (CVPRW 2020), Table 2a: GA+FCSA with λ_sadv = 1
_base_ = './ga_fcsa_deeplabv2_gta_city.py'
model = dict(objectives=dict(sa=dict(weight=1.0)))  # λ_sadv
table_row = dict(
    _delete_=True,
    paper='ASS',
    table='2a',
    row='λ = 1',
    miou=[(100, 54.11), (500, 59.76)],  # labelled pictures, the paper's
)
