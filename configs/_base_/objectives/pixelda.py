# PixelDA: source images translated to target images (B6-B11)
pixelda = dict(
    type='PixelDA',
    generator_weight=1.0,  # α
    discriminator_weight=1.0,
)
pixelda_optimizers = dict(
    generator=dict(optimizer=dict(type='Adam', lr=1e-4, betas=(0.9, 0.999), fused=True)),
    discriminator=dict(optimizer=dict(type='Adam', lr=1e-4, betas=(0.9, 0.999), fused=True)),
)
