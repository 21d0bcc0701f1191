# BDL's translation: CycleGAN with an identity loss and a perceptual one (T1-T7)
translation = dict(
    type='CycleTranslation',
    cycle_weight=10.0,
    identity_weight=5.0,
    perceptual_weight=0.1,  # λ_per, image and translation; needs load_from, a segmentor's checkpoint
    perceptual_cycle_weight=10.0,  # λ_per_recon, image and reconstruction
    pool_size=50,
)
translation_optimizers = dict(
    generators=dict(optimizer=dict(type='Adam', lr=2e-4, betas=(0.5, 0.999), fused=True)),
    discriminators=dict(optimizer=dict(type='Adam', lr=2e-4, betas=(0.5, 0.999), fused=True)),
)
