# ASS (CVPRW 2020), Table 1, "Oracle": N labelled Cityscapes pictures alone
_base_ = [
    '_base_/models/deeplabv2_r101.py',
    '_base_/datasets/ass_city.py',
    '_base_/schedules/sgd_150k.py',
    '_base_/default_runtime.py',
]
table_row = dict(
    paper='ASS',
    table='1',
    row='Oracle',
    # labelled pictures, the paper's
    miou=[
        (50, 39.5),
        (100, 43.6),
        (200, 47.1),
        (500, 53.6),
        (1000, 58.6),
        (2975, 65.9),
    ],
)
