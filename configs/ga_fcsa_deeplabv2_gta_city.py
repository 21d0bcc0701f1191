# ASS (CVPRW 2020), Table 1, "GA+FCSA"
_base_ = ['./ga_deeplabv2_gta_city.py', '_base_/objectives/semantic_adversarial.py']
model = dict(objectives=dict(sa=_base_.fcsa))
optim_wrapper = dict(sa=_base_.sa_optimizer)
