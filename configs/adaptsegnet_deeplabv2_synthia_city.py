# AdaptSegNet (CVPR 2018), SYNTHIA → Cityscapes, single level, vanilla GAN
_base_ = './ga_deeplabv2_synthia_city.py'
model = dict(
    objectives=dict(ga=dict(align='target')),  # target is trained to be classified as source
    norm_statistics='all',  # like the public code's running averages
)
optim_wrapper = dict(segmentor=dict(optimizer=dict(nesterov=False)))
# no labeled target
train_dataloader = dict(batch_size=2, sampler=dict(samples_per_domain=dict(target=0)))
