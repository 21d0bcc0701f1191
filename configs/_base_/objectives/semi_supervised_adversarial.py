# Hung et al. (BMVC 2018): D at every pixel, adversarial terms and self-training
semi = dict(
    type='SemiSupervisedAdversarial',
    weight=0.01,  # λ_adv of labeled images
    unlabeled_weight=0.001,  # λ_adv of unlabeled images
    self_training_weight=0.1,  # λ_semi
    threshold=0.2,  # T_semi
    start=5000,  # steps before self-training
)
semi_optimizer = dict(optimizer=dict(type='Adam', lr=1e-4, betas=(0.9, 0.99), fused=True))  # D
