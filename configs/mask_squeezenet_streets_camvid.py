# Source pixels that the network is sure of
_base_ = './joint_squeezenet_streets_camvid.py'
model = dict(objectives=dict(mask=dict(type='ConfidenceMask', threshold=0.9)))  # B4
