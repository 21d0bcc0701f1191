# Focal loss on the source
_base_ = './joint_squeezenet_streets_camvid.py'
model = dict(objectives=dict(focal=dict(type='FocalWeighting', gamma=2.0)))  # γ (B5)
