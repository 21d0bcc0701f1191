# HRS (CVPR 2019), Table 2, "Target Finetuning": SYNTHIA
_base_ = ['./joint_fcn8s_synthia_city.py', '_base_/schedules/source_then_finetune.py']
