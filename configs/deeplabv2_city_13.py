# ASS (CVPRW 2020), Table 3, "Oracle": the same training, scored on SYNTHIA's 13 classes
_base_ = './deeplabv2_city.py'
val_evaluator = dict(protocols=('13', '16'))
test_evaluator = val_evaluator
table_row = dict(
    _delete_=True,
    paper='ASS',
    table='3',
    row='Oracle',
    # labelled pictures, the paper's
    miou=[
        (50, 52.6),
        (100, 57.6),
        (200, 60.8),
        (500, 66.5),
        (1000, 70.7),
        (2975, 73.8),
    ],
)
