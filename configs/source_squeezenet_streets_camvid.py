# Source only: rendered streets, tested on CamVid
_base_ = [
    '_base_/models/fcn8s_squeezenet.py',
    '_base_/datasets/streets_camvid_unsupervised.py',
    '_base_/schedules/adam_camvid.py',
    '_base_/default_runtime.py',
]
model = dict(decode_head=dict(num_classes=11))
train_dataloader = dict(batch_size=2, sampler=dict(samples_per_domain=dict(unlabeled=0)))
train_cfg = dict(max_iters=900)  # as many as source training and adaptation together
