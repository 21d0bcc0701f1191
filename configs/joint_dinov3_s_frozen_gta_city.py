# Direct joint, DINOv3-S frozen: neck and head learn
_base_ = './joint_dinov3_s_gta_city.py'
model = dict(backbone=dict(frozen=True, drop_path_rate=0.0))
