# ASS (CVPRW 2020), Table 1, "GA+CSA"
_base_ = ['./ga_deeplabv2_gta_city.py', '_base_/objectives/semantic_adversarial.py']
model = dict(objectives=dict(sa=_base_.csa))
optim_wrapper = dict(sa=_base_.sa_optimizer)
table_row = [
    dict(
        paper='ASS',
        table='1',
        row='GA+CSA',
        # labelled pictures, the paper's
        miou=[
            (50, 50.1),
            (100, 54.2),
            (200, 56.0),
            (500, 60.2),
            (1000, 64.5),
            (2975, 69.1),
        ],
    ),
    dict(paper='ASS', table='2b', row='λ = 0.01', miou=[(500, 60.16)]),
]
