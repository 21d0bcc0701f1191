# LSD-seg (CVPR 2018): G draws images from features, D classifies their kind and classes (L1-L7)
lsd = dict(
    type='LearningFromSyntheticData',
    encoder_domain_weight=0.1 / 64,  # of F; sums over D's positions, a 64th of the image's (L2)
    encoder_class_weight=0.1 / 64,
    generator_class_weight=1.0,
    generator_domain_weight=0.1,
    reconstruction_weight=1 / 8192,  # 1 over the number of D's positions, 64×128 (L2)
)
lsd_optimizers = dict(
    generator=dict(optimizer=dict(type='Adam', lr=1e-4, betas=(0.7, 0.999), fused=True)),  # G
    discriminator=dict(optimizer=dict(type='Adam', lr=1e-4, betas=(0.7, 0.999), fused=True)),  # D
)
