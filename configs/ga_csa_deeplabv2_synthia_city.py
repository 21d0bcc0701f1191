# ASS (CVPRW 2020), Table 3, "GA+CSA"
_base_ = ['./ga_deeplabv2_synthia_city.py', '_base_/objectives/semantic_adversarial.py']
model = dict(objectives=dict(sa=_base_.csa))
optim_wrapper = dict(sa=_base_.sa_optimizer)
table_row = dict(
    _delete_=True,
    paper='ASS',
    table='3',
    row='GA+CSA',
    # labelled pictures, the paper's
    miou=[
        (50, 57.4),
        (100, 58.3),
        (200, 64.5),
        (500, 69.8),
        (1000, 73.0),
        (2975, 77.1),
    ],
)
