# AdaptSegNet (CVPR 2018), its later least-squares variant, λ_adv 0.01
_base_ = './adaptsegnet_deeplabv2_gta_city.py'
model = dict(objectives=dict(ga=dict(gan='ls', weight=0.01)))  # λ_adv
