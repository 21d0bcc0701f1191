# HRS (CVPR 2019), Table 3, "Target Finetuning": GTA5 + SYNTHIA
_base_ = ['./joint_fcn8s_gta_synthia_city.py', '_base_/schedules/source_then_finetune.py']
table_row = dict(
    _delete_=True,
    paper='HRS',
    table='3',
    row='Target Finetuning',
    miou=[(2975, 66.5)],  # labelled pictures, the paper's
)
