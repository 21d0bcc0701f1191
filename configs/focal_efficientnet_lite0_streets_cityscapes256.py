# Focal loss on the source
_base_ = './joint_efficientnet_lite0_streets_cityscapes256.py'
model = dict(objectives=dict(focal=dict(type='FocalWeighting', gamma=2.0)))  # γ (B5)
