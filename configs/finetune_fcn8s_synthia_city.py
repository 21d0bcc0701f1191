# HRS (CVPR 2019), Table 2, "Target Finetuning": SYNTHIA
_base_ = ['./joint_fcn8s_synthia_city.py', '_base_/schedules/source_then_finetune.py']
table_row = dict(
    _delete_=True,
    paper='HRS',
    table='2',
    row='Target Finetuning',
    miou=[(2975, 64.8)],  # labelled pictures, the paper's
)
