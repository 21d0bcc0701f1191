from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import nn

from mmseg_joint.checkpoints import pretrained
from mmseg_joint.errors import JointError
from mmseg_joint.models.backbones import VGGEncoder

CHANNELS = (2, 3, 4, 5, 6)
DEPTHS = (2, 2, 3, 3, 3)


def narrow(**kwargs):
    return VGGEncoder(**{'channels': CHANNELS, 'fc_channels': 7, **kwargs})


def torchvision_names():
    """Random parameters of a narrow VGG16 under torchvision's names."""
    state, index, before = {}, 0, 3
    for width, depth in zip(CHANNELS, DEPTHS):
        for _ in range(depth):
            state[f'features.{index}.weight'] = torch.randn(width, before, 3, 3)
            state[f'features.{index}.bias'] = torch.randn(width)
            before, index = width, index + 2
        index += 1
    for index, shape in {0: (7, 6 * 49), 3: (7, 7), 6: (10, 7)}.items():
        state[f'classifier.{index}.weight'] = torch.randn(shape)
        state[f'classifier.{index}.bias'] = torch.randn(shape[0])
    return state


def own_convs(encoder):
    return [conv for stage in encoder.stages for conv in stage]


def test_default_is_vgg16():
    with torch.device('meta'):
        encoder = MODELS.build({'type': 'VGGEncoder'})
    assert [conv.out_channels for conv in own_convs(encoder)] == (
        [64] * 2 + [128] * 2 + [256] * 3 + [512] * 6
    )
    assert sum(p.numel() for p in encoder.parameters()) == 134_260_544


@pytest.mark.parametrize('size', [(64, 96), (33, 47), (1, 7), (65, 129)])
def test_sizes_round_up(size):
    x = torch.randn(2, 3, *size)
    outputs = narrow()(x)
    assert outputs[0] is x
    for output, stride, width in zip(outputs[1:], (8, 16, 32, 32), (4, 5, 6, 7)):
        assert output.shape == (2, width, *(math.ceil(n / stride) for n in size))


def test_legacy_sizes():
    outputs = narrow(legacy_padding=True)(torch.randn(1, 3, 50, 61))
    pools = [torch.tensor(output.shape[2:]) for output in outputs]
    padded = torch.tensor([50 + 198, 61 + 198])
    assert pools[1].tolist() == torch.ceil(padded / 8).tolist()
    assert pools[4].tolist() == (torch.ceil(padded / 32) - 6).tolist()


def test_dropout_follows_both_fully_connected_layers():
    encoder, seen = narrow(dropout_ratio=1.0), []
    encoder.fc7.register_forward_hook(lambda _, inputs, output: seen.append(inputs[0]))
    x = torch.randn(1, 3, 40, 40)
    assert not encoder(x)[-1].any() and not seen[0].any()
    assert encoder.eval()(x)[-1].any() and seen[1].any()


def test_checkpointing_changes_no_gradient():
    x = torch.randn(1, 3, 40, 40, dtype=torch.float64)
    grads = []
    for with_cp in (False, True):
        torch.manual_seed(0)
        encoder, calls = narrow(with_cp=with_cp).double(), []
        for part in (encoder.stages[1][0], encoder.fc6):
            part.register_forward_hook(lambda part, *_, calls=calls: calls.append(part))
        encoder(x)[-1].square().sum().backward()  # the same dropout is drawn twice
        assert len(calls) == (4 if with_cp else 2)  # once more in the backward
        grads.append([p.grad for p in encoder.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*grads))
    assert any(grad.abs().sum() > 0 for grad in grads[0])


def test_scratch_initialization_keeps_the_activations_alive():
    torch.manual_seed(0)
    encoder = VGGEncoder(channels=(16, 16, 32, 32, 32), fc_channels=64).eval()
    encoder.init_weights()
    feature = torch.randn(2, 3, 64, 64)
    for stage in encoder.stages:
        for conv in stage:
            feature = F.relu(conv(feature))
    assert 0.02 < feature.square().mean() < 5


def test_torchvision_file_loads(tmp_path, monkeypatch):
    lines = []
    monkeypatch.setattr(pretrained, 'print_log', lambda message, **_: lines.append(message))
    state = torchvision_names()
    path = tmp_path / 'vgg16.pth'
    torch.save(state, path)
    encoder = narrow(init_cfg={'type': 'Pretrained', 'checkpoint': str(path)})
    encoder.init_weights()
    features = [v for k, v in state.items() if k.startswith('features') and v.ndim == 4]
    assert all(torch.equal(c.weight, v) for c, v in zip(own_convs(encoder), features))
    assert lines == [f'model.backbone: loaded 30 of 30 parameters from {path}']

    # One 7×7 position of pool5 is what torchvision flattens.
    pool5 = torch.randn(1, 6, 7, 7)
    expected = F.linear(pool5.flatten(1), state['classifier.0.weight'], state['classifier.0.bias'])
    assert torch.allclose(encoder.fc6(pool5)[0, :, 3, 3], expected[0], atol=1e-4)

    narrower = narrow(fc_channels=5, init_cfg={'type': 'Pretrained', 'checkpoint': str(path)})
    narrower.init_weights()
    assert 'loaded 26 of 30 parameters' in lines[1] and 'fc6.weight (shape (7, 6, 7, 7)' in lines[1]
    assert torch.equal(own_convs(narrower)[-1].weight, features[-1])


def test_names_of_mmpretrain_caffe_and_ours():
    encoder = narrow()
    theirs = torchvision_names()
    expected = encoder.convert_pretrained(theirs)
    assert set(expected) == set(encoder.state_dict())

    convs = [key for key in theirs if key.startswith('features') and key.endswith('weight')]
    mmpretrain, caffe = {}, {}
    places = [(s, c) for s, depth in enumerate(DEPTHS) for c in range(depth)]
    for index, (key, (s, c)) in enumerate(zip(convs, places)):
        for kind in ('weight', 'bias'):
            value = theirs[key.replace('weight', kind)]
            mmpretrain[f'backbone.features.{index + s}.conv.{kind}'] = value
            caffe[f'conv{s + 1}_{c + 1}.{kind}'] = value
    mmpretrain['head.fc.weight'] = torch.zeros(1)
    converted = encoder.convert_pretrained(mmpretrain)
    assert len(converted) == 26
    assert all(torch.equal(value, expected[key]) for key, value in converted.items())

    for layer, index in (('fc6', 0), ('fc7', 3)):
        caffe[f'{layer}.weight'] = theirs[f'classifier.{index}.weight']
        caffe[f'{layer}.bias'] = theirs[f'classifier.{index}.bias']
    for names in (caffe, expected, {f'backbone.{key}': v for key, v in expected.items()}):
        converted = encoder.convert_pretrained(names)
        assert set(converted) == set(expected)
        assert all(torch.equal(value, expected[key]) for key, value in converted.items())


def test_wrong_files_and_configs_are_refused():
    with pytest.raises(JointError, match='batch norm'):
        narrow().convert_pretrained({'features.1.running_mean': torch.zeros(64)})
    with pytest.raises(JointError, match='five stages'):
        VGGEncoder(channels=(1, 2), depths=(1, 1))


def test_gradients_reach_every_layer():
    encoder = nn.Sequential(narrow(dropout_ratio=0))
    encoder[0].init_weights()
    sum(o.square().sum() for o in encoder(torch.randn(2, 3, 33, 41))[1:]).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in encoder.parameters())
