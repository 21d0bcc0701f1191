# SA: D_s on the features of each class (ASS, Eq. 4-8)
fcsa = dict(
    type='SemanticAdversarial',
    discriminator=dict(mode='fc', in_channels=2048),  # one vector per class
    weight=0.04,  # λ_sadv (Table 2a)
    discriminator_weight=1.0,  # λ_sd (A3)
)
csa = dict(
    type='SemanticAdversarial',
    discriminator=dict(mode='conv', in_channels=2048),  # every position
    weight=0.01,  # λ_sadv (Table 2b)
    discriminator_weight=1.0,  # λ_sd (A3)
)
sa_optimizer = dict(optimizer=dict(type='Adam', lr=1e-4, betas=(0.9, 0.99), fused=True))
