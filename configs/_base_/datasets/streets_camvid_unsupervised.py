# No labels of CamVid: rendered streets and unlabeled CamVid images
_base_ = './streets_camvid_unlabeled.py'
train_dataloader = dict(batch_size=4, sampler=dict(samples_per_domain=dict(target=0)))
