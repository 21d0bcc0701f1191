# Conservative Loss (ECCV 2018) after its abstract, details ours (C1-C8)
conservative = dict(type='ConservativeLoss', weight=5.0)  # λ
cross_gan = dict(
    type='CrossDomainGAN',
    encoder_weight=0.001,
    generator_weight=1.0,
    reconstruction_weight=1.0,
)
cross_gan_optimizers = dict(
    generator=dict(optimizer=dict(type='Adam', lr=1e-4, betas=(0.9, 0.999), fused=True)),  # G
    discriminators=dict(optimizer=dict(type='Adam', lr=1e-4, betas=(0.9, 0.999), fused=True)),
)
