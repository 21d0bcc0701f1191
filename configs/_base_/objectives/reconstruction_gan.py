# G and D: images reconstructed from conv5 features (HRS, Section 3.2)
gan = dict(
    type='ReconstructionGAN',
    generator=dict(in_channels=512, feature_stride=32),  # conv5 after its pool (H9)
    discriminator=dict(in_channels=3),
    feature_index=3,  # VGGEncoder's pool5
    encoder_weight=0.001,  # λ_adv of E (H12)
    generator_weight=1.0,  # λ_adv of G (H12)
    reconstruction_weight=1.0,  # λ_rec (H12)
    real_label=(0.8, 1.0),  # perturbed labels of D (H13)
    fake_label=(0.0, 0.2),
)
gan_optimizers = dict(
    generator=dict(optimizer=dict(type='Adam', lr=1e-4, betas=(0.9, 0.999), fused=True)),  # G
    discriminator=dict(optimizer=dict(type='Adam', lr=1e-4, betas=(0.9, 0.999), fused=True)),  # D
)
