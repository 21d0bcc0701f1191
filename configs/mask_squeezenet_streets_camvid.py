# Source pixels on which the network is confident
_base_ = './joint_squeezenet_streets_camvid.py'
model = dict(objectives=dict(mask=dict(type='ConfidenceMask', threshold=0.9)))  # B4
