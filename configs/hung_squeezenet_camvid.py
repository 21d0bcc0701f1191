# Hung et al.: 12 labelled CamVid pictures and all of them without their labels, nothing synthetic
_base_ = './squeezenet_camvid.py'
labelled = _base_.train_dataloader.dataset.domains.target
model = dict(
    objectives=dict(
        semi=dict(
            type='SemiSupervisedAdversarial',
            weight=0.01,  # λ_adv of labelled pictures
            unlabeled_weight=0.001,  # λ_adv of unlabelled pictures
            self_training_weight=0.1,  # λ_semi
            threshold=0.2,  # T_semi
            start=150,  # a quarter of the training, as 5,000 of the paper's 20,000 steps
            discriminator=dict(channels=(16, 32, 64, 128)),
        )
    )
)
optim_wrapper = dict(semi=dict(optimizer=dict(type='Adam', lr=1e-4, betas=(0.9, 0.99), fused=True)))
train_dataloader = dict(
    batch_size=4,  # the sum of the shares
    sampler=dict(shares=dict(unlabeled=2)),
    dataset=dict(domains=dict(unlabeled=labelled.dataset)),
)
table_row = dict(_delete_=True, paper='HRS', table='1', row='Hung et al.', scale='camvid')
