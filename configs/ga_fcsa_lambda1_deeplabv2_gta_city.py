# ASS (CVPRW 2020), Table 2a: GA+FCSA with λ_sadv = 1
_base_ = './ga_fcsa_deeplabv2_gta_city.py'
model = dict(objectives=dict(sa=dict(weight=1.0)))  # λ_sadv
