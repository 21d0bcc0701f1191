# Source only, then target only: in total as many steps as the other rows
_base_ = [
    './joint_efficientnet_lite0_streets_cityscapes256.py',
    '_base_/schedules/source_then_finetune.py',
]
stages = _base_.stages
for stage, steps in zip(stages, (1600, 800)):
    stage['train_dataloader'].update(batch_size=2)
    stage['train_cfg'] = dict(max_iters=steps, val_interval=steps)
