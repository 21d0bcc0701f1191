from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import ConfigDict
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmseg_joint.errors import JointError
from mmseg_joint.models.backbones import VGGEncoder
from mmseg_joint.models.heads import FCN8sHead
from mmseg_joint.models.heads.fcn8s_head import bilinear_deconvolution

CHANNELS = (2, 3, 4, 5, 6)
CLASSES = 3
SIZES = [(64, 96), (33, 47), (1, 7), (50, 61), (97, 31)]
BACKBONE = {'type': 'VGGEncoder', 'channels': CHANNELS, 'fc_channels': 7}
HEAD = {'type': 'FCN8sHead', 'in_channels': (3, 4, 5, 7), 'num_classes': CLASSES}


def build(cfg, **kwargs):
    return MODELS.build({**cfg, **kwargs})


def deconvolve(x, factor):
    """Long et al.'s bilinear filter in a real transposed convolution, one channel at a time."""
    position = torch.arange(2 * factor, dtype=x.dtype)
    row = 1 - (position - (factor - 0.5)).abs() / factor
    kernel = (row[:, None] * row).expand(x.shape[1], 1, -1, -1)
    return F.conv_transpose2d(x, kernel, stride=factor, groups=x.shape[1])


def crop(x, like, offset):
    return x[..., offset : offset + like.shape[2], offset : offset + like.shape[3]]


def original_fcn8s(x, p):
    """FCN8s as published, from its own parameter names."""

    def conv(x, name, **kwargs):
        return F.conv2d(x, p[f'{name}.weight'], p[f'{name}.bias'], **kwargs)

    pools, y = [], x
    for stage, depth in enumerate((2, 2, 3, 3, 3), start=1):
        for i in range(1, depth + 1):
            y = F.relu(conv(y, f'conv{stage}_{i}', padding=100 if stage == i == 1 else 1))
        y = F.max_pool2d(y, 2, 2, ceil_mode=True)
        pools.append(y)
    y = F.relu(conv(F.relu(conv(y, 'fc6')), 'fc7'))
    y = deconvolve(conv(y, 'score_fr'), 2)
    y = deconvolve(y + crop(conv(pools[3], 'score_pool4'), y, 5), 2)
    y = deconvolve(y + crop(conv(pools[2], 'score_pool3'), y, 9), 8)
    return crop(y, x, 31)


def original_parameters():
    shapes, before = {}, 3
    for stage, (width, depth) in enumerate(zip(CHANNELS, (2, 2, 3, 3, 3)), start=1):
        for i in range(1, depth + 1):
            shapes[f'conv{stage}_{i}'] = (width, before, 3, 3)
            before = width
    shapes |= {'fc6': (7, 6, 7, 7), 'fc7': (7, 7, 1, 1), 'score_fr': (CLASSES, 7, 1, 1)}
    shapes |= {'score_pool4': (CLASSES, 5, 1, 1), 'score_pool3': (CLASSES, 4, 1, 1)}
    state = {}
    for name, shape in shapes.items():
        fan_in = shape[1] * shape[2] * shape[3]
        state[f'{name}.weight'] = torch.randn(shape, dtype=torch.float64) * (2 / fan_in) ** 0.5
        state[f'{name}.bias'] = torch.randn(shape[0], dtype=torch.float64) * 0.1
    state['upscore2.weight'] = torch.zeros(CLASSES, CLASSES, 4, 4)
    return state


@pytest.mark.parametrize('size', [(50, 61), (64, 32)])
def test_converted_weights_give_the_original_networks_logits(size):
    torch.manual_seed(0)
    state = original_parameters()
    backbone = build(BACKBONE, legacy_padding=True).double().eval()
    head = build(HEAD, legacy_padding=True).double().eval()
    backbone.load_state_dict(
        {k: v for k, v in backbone.convert_pretrained(state).items() if 'score' not in k}, False
    )
    head.load_state_dict(head.convert_pretrained(state))
    x = torch.randn(2, 3, *size, dtype=torch.float64)
    expected = original_fcn8s(x, state)
    assert expected.shape == (2, CLASSES, *size) and expected.std() > 0.01
    torch.testing.assert_close(head(backbone(x)), expected, rtol=0, atol=1e-10)


def test_original_files_load_through_init_cfg(tmp_path):
    state = original_parameters()
    path = tmp_path / 'fcn8s.pth'
    torch.save(state, path)
    init_cfg = {'type': 'Pretrained', 'checkpoint': str(path)}
    head = build(HEAD, init_cfg=init_cfg).double()
    head.init_weights()
    assert torch.allclose(head.conv_seg.weight, state['score_fr.weight'])
    assert torch.allclose(head.score_pool3.bias, state['score_pool3.bias'])
    backbone = VGGEncoder(channels=CHANNELS, fc_channels=7, init_cfg=init_cfg).double()
    backbone.init_weights()
    assert torch.allclose(backbone.fc6.weight, state['fc6.weight'])


@pytest.mark.parametrize('factor', [2, 4, 8])
def test_bilinear_deconvolution_by_value_and_gradient(factor):
    torch.manual_seed(0)
    x = torch.randn(2, 3, 3, 5, dtype=torch.float64, requires_grad=True)
    ours, theirs = bilinear_deconvolution(x, factor), deconvolve(x, factor)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)
    noise = torch.randn_like(theirs)
    gradients = [torch.autograd.grad((y * noise).sum(), x)[0] for y in (ours, theirs)]
    torch.testing.assert_close(*gradients, rtol=0, atol=1e-12)


@pytest.mark.parametrize('legacy', [False, True])
@pytest.mark.parametrize('size', SIZES)
def test_logits_have_the_images_size(size, legacy):
    backbone = build(BACKBONE, legacy_padding=legacy)
    head = build(HEAD, legacy_padding=legacy)
    assert head(backbone(torch.randn(1, 3, *size))).shape == (1, CLASSES, *size)


def test_same_mode_against_a_reference_by_hand():
    """Every output pixel is the bilinear interpolation of the fused scores around it."""
    torch.manual_seed(0)
    head = build(HEAD).double()
    for p in head.parameters():
        torch.nn.init.normal_(p)
    x = torch.randn(2, 3, 21, 40, dtype=torch.float64)
    features = [torch.randn(2, c, *s, dtype=torch.float64) for c, s in
                ((4, (3, 5)), (5, (2, 3)), (6, (1, 2)), (7, (1, 2)))]  # fmt: skip

    def up(x, factor, size):
        """Separable linear interpolation, one matrix for each axis."""
        for axis, n in ((2, size[0]), (3, size[1])):
            length = x.shape[axis]
            place = ((torch.arange(n, dtype=x.dtype) + 0.5) / factor - 0.5).clamp(0, length - 1)
            cells = torch.arange(length, dtype=x.dtype)
            matrix = (1 - (place[:, None] - cells).abs()).clamp(min=0)
            x = torch.movedim(torch.movedim(x, axis, -1) @ matrix.T, -1, axis)
        return x

    y = head.conv_seg(features[3])
    y = up(y, 2, (2, 3)) + head.score_pool4(features[1])
    y = up(y, 2, (3, 5)) + head.score_pool3(features[0])
    torch.testing.assert_close(head([x, *features]), up(y, 8, (21, 40)), rtol=0, atol=1e-10)


def test_skip_scores_start_at_zero():
    torch.manual_seed(0)
    head = build(HEAD, in_channels=(3, 4, 5, 512))
    head.init_weights()
    assert not head.score_pool3.weight.any() and not head.score_pool4.weight.any()
    assert head.conv_seg.weight.std().item() == pytest.approx(0.01, rel=0.1)


def test_dropout_acts_on_the_deepest_feature():
    head = build(HEAD, dropout_ratio=1.0).train()
    head.init_weights()
    features = build(BACKBONE)(torch.randn(1, 3, 33, 47))
    assert not head(features).any() and head.eval()(features).any()


def test_squeezenet_strides():
    backbone = build({'type': 'SqueezeNet'})
    head = FCN8sHead((3, 128, 256, 512), 5, in_index=(0, 1, 2, 3), strides=(4, 8, 16))
    assert head(backbone(torch.randn(1, 3, 45, 71))).shape == (1, 5, 45, 71)


@pytest.mark.parametrize('mode', ['whole', 'slide'])
def test_inside_plain_mmseg(mode):
    torch.manual_seed(0)
    test_cfg = {'mode': mode}
    if mode == 'slide':
        test_cfg |= {'crop_size': (33, 33), 'stride': (20, 20)}
    model = MODELS.build(
        {
            'type': 'EncoderDecoder',
            'data_preprocessor': {'type': 'SegDataPreProcessor', 'size': (45, 51)},
            'backbone': {**BACKBONE},
            'decode_head': {
                **HEAD,
                'loss_decode': {'type': 'CrossEntropyLoss', 'avg_non_ignore': True},
            },
            'test_cfg': ConfigDict(test_cfg),
        }
    )
    model.init_weights()
    sample = SegDataSample(metainfo={'img_shape': (45, 51), 'ori_shape': (45, 51)})
    labels = torch.randint(0, CLASSES, (1, 45, 51))
    labels[:, :5] = 255
    sample.gt_sem_seg = PixelData(data=labels)
    x = torch.randn(1, 3, 45, 51)
    losses = model.loss(x, [sample])
    losses['decode.loss_ce'].backward()
    assert losses['decode.loss_ce'].isfinite()
    assert model.decode_head.score_pool3.weight.grad.abs().sum() > 0
    model.eval()
    with torch.no_grad():
        result = model.predict(x)[0]
    assert result.seg_logits.data.shape == (CLASSES, 45, 51)
    if mode == 'whole':
        # mmseg's own resizing after the head is an identity.
        with torch.no_grad():
            assert torch.equal(result.seg_logits.data, model(x, mode='tensor')[0])


def test_disagreement_with_the_backbone_is_refused():
    x = torch.randn(1, 3, 50, 61)
    with pytest.raises(JointError, match='legacy_padding=True'):
        build(HEAD)(build(BACKBONE, legacy_padding=True)(x))
    with pytest.raises(JointError, match='legacy_padding'):
        build(HEAD, legacy_padding=True)(build(BACKBONE)(x))
    sizes = ((3, 8), (4, 2), (5, 1), (6, 1), (7, 1))
    with pytest.raises(JointError, match=r'stride 8 \(2x2\) is too large for an image of 8x8'):
        build(HEAD)([torch.randn(1, c, n, n) for c, n in sizes])
    with pytest.raises(JointError, match='round sizes up'):
        build(HEAD)([x, *(torch.randn(1, c, 1, 1) for c in (4, 5, 6, 7))])


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        ({'in_index': (1, 2, 4)}, 'in_index'),
        ({'strides': (8, 20, 32)}, 'multiple'),
        ({'legacy_padding': True, 'strides': (4, 8, 16)}, 'legacy_padding'),
        ({'channels': 5}, 'leave it out'),
    ],
)
def test_contradictions_are_refused(kwargs, message):
    with pytest.raises(JointError, match=message):
        build(HEAD, **kwargs)
