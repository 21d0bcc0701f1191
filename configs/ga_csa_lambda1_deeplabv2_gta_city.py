# ASS (CVPRW 2020), Table 2b: GA+CSA with λ_sadv = 1
_base_ = './ga_csa_deeplabv2_gta_city.py'
model = dict(objectives=dict(sa=dict(weight=1.0)))  # λ_sadv
