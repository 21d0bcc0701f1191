from .joint_encoder_decoder import JointEncoderDecoder

__all__ = ['JointEncoderDecoder']
