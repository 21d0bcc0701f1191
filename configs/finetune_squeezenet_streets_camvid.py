# Source only, then target only, each for as many steps as the other rows take on both together
_base_ = ['./joint_squeezenet_streets_camvid.py', '_base_/schedules/source_then_finetune.py']
stages = _base_.stages
stages[0]['train_dataloader'].update(batch_size=2)
stages[1]['train_dataloader'].update(batch_size=2)
