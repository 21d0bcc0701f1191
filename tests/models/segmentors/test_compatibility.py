from __future__ import annotations

import pytest

from mmseg_joint.errors import JointError
from mmseg_joint.models.segmentors import JointEncoderDecoder
from mmseg_joint.models.segmentors.compatibility import check_segmentor, joint_form

PIXELS, MASKS = dict(type='FCNHead'), dict(type='MaskFormerHead')


@pytest.mark.parametrize(
    ('kind', 'head', 'form'),
    [
        ('EncoderDecoder', PIXELS, 'JointEncoderDecoder'),
        ('EncoderDecoder', MASKS, 'JointMaskEncoderDecoder'),
        ('EncoderDecoder', dict(type='Mask2FormerHead'), 'JointMaskEncoderDecoder'),
        ('CascadeEncoderDecoder', [PIXELS, dict(type='OCRHead')], 'JointCascadeEncoderDecoder'),
        ('JointOwn', PIXELS, 'JointOwn'),  # a subclass of the user's
    ],
)
def test_the_joint_segmentor_of_a_model(kind, head, form):
    assert joint_form(dict(type=kind, decode_head=head)) == form


def test_a_subclass_takes_the_heads_of_its_base():
    own = type('JointOwn', (JointEncoderDecoder,), {})
    check_segmentor(own, PIXELS)
    with pytest.raises(JointError, match=r'set model\.type to "JointMaskEncoderDecoder"'):
        check_segmentor(own, MASKS)
