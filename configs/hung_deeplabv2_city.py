# HRS (CVPR 2019), Table 1, "Hung et al.": semi-supervised, ResNet-101, no synthetic pictures
_base_ = './deeplabv2_city.py'
labelled = _base_.train_dataloader.dataset.domains.target
model = dict(
    objectives=dict(
        semi=dict(
            type='SemiSupervisedAdversarial',
            weight=0.01,  # λ_adv of labelled pictures
            unlabeled_weight=0.001,  # λ_adv of unlabelled pictures
            self_training_weight=0.1,  # λ_semi
            threshold=0.2,  # T_semi
            start=5000,
        )
    )
)
optim_wrapper = dict(
    semi=dict(optimizer=dict(type='Adam', lr=1e-4, betas=(0.9, 0.99), fused=True)),
)
train_dataloader = dict(
    batch_size=2,
    sampler=dict(shares=dict(unlabeled=1)),
    dataset=dict(domains=dict(target=dict(count=2975), unlabeled=labelled.dataset)),
)
table_row = dict(
    _delete_=True,
    paper='HRS',
    table='1',
    row='Hung et al.',
    miou=[(2975, 67.7)],  # labelled pictures, the paper's
)
