# ASS (CVPRW 2020): GA+FCSA for SYNTHIA, which the paper's Table 3 leaves out
_base_ = ['./ga_deeplabv2_synthia_city.py', '_base_/objectives/semantic_adversarial.py']
model = dict(objectives=dict(sa=_base_.fcsa))
optim_wrapper = dict(sa=_base_.sa_optimizer)
