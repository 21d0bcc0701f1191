# BDL (CVPR 2019), SYNTHIA → Cityscapes, steps 4 and 6: with pseudo-labels (M1, M2)
_base_ = './bdl_deeplabv2_synthia_city.py'
model = dict(objectives=dict(ga=dict(target='target')))  # trained to be classified as source, too
train_dataloader = dict(
    sampler=dict(samples_per_domain=dict(target=1, unlabeled=0)),
    dataset=dict(
        domains=dict(
            target=dict(
                _delete_=True,
                type='WrittenDataset',
                data_root='work_dirs/bdl_synthia/pseudo_labels/',  # from tools/pseudo_labels.py
                pipeline=_base_.train_pipeline,
            )
        )
    ),
)
train_cfg = dict(max_iters=120000)
