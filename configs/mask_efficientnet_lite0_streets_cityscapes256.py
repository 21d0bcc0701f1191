# Source pixels on which the network is confident
_base_ = './joint_efficientnet_lite0_streets_cityscapes256.py'
model = dict(objectives=dict(mask=dict(type='ConfidenceMask', threshold=0.9)))  # B4
