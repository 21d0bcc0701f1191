# HRS (CVPR 2019), Table 3, "Target Finetuning": GTA5 + SYNTHIA
_base_ = ['./joint_fcn8s_gta_synthia_city.py', '_base_/schedules/source_then_finetune.py']
