from .joint_cascade_encoder_decoder import JointCascadeEncoderDecoder
from .joint_encoder_decoder import JointEncoderDecoder
from .joint_mask_encoder_decoder import JointMaskEncoderDecoder

__all__ = ['JointCascadeEncoderDecoder', 'JointEncoderDecoder', 'JointMaskEncoderDecoder']
