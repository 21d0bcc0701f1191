# HRS (CVPR 2019), Table 1, "Target Finetuning": GTA5
_base_ = ['./joint_fcn8s_gta_city.py', '_base_/schedules/source_then_finetune.py']
