# Direct joint, DINOv2-B frozen: neck and head learn
_base_ = './joint_dinov2_b_gta_city.py'
model = dict(backbone=dict(frozen=True, drop_path_rate=0.0))
