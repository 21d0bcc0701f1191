# ASS (CVPRW 2020), Table 1, "GA+FCSA"
_base_ = ['./ga_deeplabv2_gta_city.py', '_base_/objectives/semantic_adversarial.py']
model = dict(objectives=dict(sa=_base_.fcsa))
optim_wrapper = dict(sa=_base_.sa_optimizer)
table_row = [
    dict(
        paper='ASS',
        table='1',
        row='GA+FCSA',
        # labelled pictures, the paper's
        miou=[
            (50, 50.2),
            (100, 54.1),
            (200, 56.4),
            (500, 59.9),
            (1000, 63.8),
            (2975, 68.8),
        ],
    ),
    dict(paper='ASS', table='2a', row='λ = 0.04', miou=[(100, 53.68), (500, 59.89)]),
]
