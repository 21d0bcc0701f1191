# Hung et al. (BMVC 2018) from the weights of their code: a DeepLab trained on COCO (B22)
_base_ = './hung_deeplabv2_city.py'
coco_weights = 'http://vllab1.ucmerced.edu/~whung/adv-semi-seg/resnet101COCO-41f33a49.pth'
model = dict(backbone=dict(init_cfg=dict(checkpoint=coco_weights)))
