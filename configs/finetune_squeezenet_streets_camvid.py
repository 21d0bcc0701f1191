# Source only, then target only: each as many steps as the other rows have of both together
_base_ = './joint_squeezenet_streets_camvid.py'
source_stage = dict(
    name='source', train_dataloader=dict(batch_size=2, sampler=dict(shares=dict(target=0)))
)
target_stage = dict(
    name='finetune', train_dataloader=dict(batch_size=2, sampler=dict(shares=dict(source=0)))
)
stages = [source_stage, target_stage]
table_row = dict(_delete_=True, paper='HRS', table='1', row='Target Finetuning', scale='camvid')
