# GA: D_g on score maps (ASS, Eq. 2-3)
ga = dict(
    type='OutputAdversarial',
    align='source',  # source outputs are trained to be classified as target (A1)
    weight=0.001,  # λ_gadv (A3)
    discriminator_weight=1.0,  # λ_gd (A3)
)
ga_optimizer = dict(optimizer=dict(type='Adam', lr=1e-4, betas=(0.9, 0.99), fused=True))
