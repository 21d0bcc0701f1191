# Conservative Loss after its abstract, on SqueezeNet, no labels of CamVid
_base_ = [
    '_base_/models/fcn8s_squeezenet.py',
    '_base_/datasets/streets_camvid_unsupervised.py',
    '_base_/schedules/adam_camvid.py',
    '_base_/objectives/conservative_loss.py',
    '_base_/default_runtime.py',
]
model = dict(
    decode_head=dict(num_classes=11),
    objectives=dict(conservative=_base_.conservative, gan=_base_.cross_gan),
)
model['objectives']['gan'].update(
    # fire3, fire5 and fire9, at strides 4, 8 and 16
    generator=dict(in_channels=(128, 256, 512), channels=(32, 64, 32, 16), kernel_size=3),
    discriminator=dict(channels=(16, 32, 64, 128, 128)),
    feature_indices=(1, 2, 3),
)
optim_wrapper = dict(gan=_base_.cross_gan_optimizers)
