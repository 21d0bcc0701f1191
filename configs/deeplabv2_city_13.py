# ASS (CVPRW 2020), Table 3, "Oracle": the same training, scored on SYNTHIA's 13 classes
_base_ = './deeplabv2_city.py'
val_evaluator = dict(protocols=('13of16', '13', '16'))
test_evaluator = val_evaluator
