# HRS (CVPR 2019), Table 1, "Target Finetuning": GTA5
_base_ = './joint_fcn8s_gta_city.py'
source_stage = dict(
    name='source', train_dataloader=dict(batch_size=1, sampler=dict(shares=dict(target=0)))
)
target_stage = dict(
    name='finetune', train_dataloader=dict(batch_size=1, sampler=dict(shares=dict(source=0)))
)
stages = [source_stage, target_stage]
table_row = dict(
    _delete_=True,
    paper='HRS',
    table='1',
    row='Target Finetuning',
    miou=[(2975, 66.0)],  # labelled pictures, the paper's
)
