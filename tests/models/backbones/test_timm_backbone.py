from __future__ import annotations

import logging

import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmseg.registry import MODELS

from mmseg_joint.checkpoints import schemes
from mmseg_joint.errors import JointError
from mmseg_joint.export.plain_config import plain_model
from tests.tiny import MODEL, batch

pytestmark = pytest.mark.timm

CNN = dict(model_name='resnet10t', out_indices=(1, 2, 3, 4))
LIST = dict(model_name='convnext_atto', depths=(1, 1, 1, 1), dims=(8, 8, 16, 16))
VIT = dict(
    model_name='vit_small_patch14_dinov2',
    out_indices=(0, 1),
    depth=2,
    embed_dim=12,
    num_heads=2,
    img_size=28,
    dynamic_img_size=True,
    dynamic_img_pad=True,
)
EVA = dict(
    model_name='vit_small_patch16_dinov3',
    out_indices=(0, 1, 2, 3),
    depth=4,
    embed_dim=16,
    num_heads=2,
    dynamic_img_size=True,
    dynamic_img_pad=True,
)


def build(init_cfg=None, **kwargs):
    torch.manual_seed(0)
    return MODELS.build(dict(type='TimmBackbone', init_cfg=init_cfg, **kwargs))


def whole(model_name, **kwargs):
    """timm's own whole network, with other weights than `build`."""
    import timm

    torch.manual_seed(1)
    kwargs.pop('out_indices', None)
    return timm.create_model(model_name, **kwargs).eval()


@pytest.mark.parametrize('model', [CNN, LIST, VIT, EVA], ids=lambda model: model['model_name'])
def test_a_file_of_the_whole_network_gives_its_features(model, tmp_path, logged):
    """The features are compared with timm's own, of the network that the file was saved from."""
    reference = whole(**model)
    torch.save(reference.state_dict(), tmp_path / 'whole.pth')
    net = build(dict(type='Pretrained', checkpoint=str(tmp_path / 'whole.pth')), **model).eval()
    x = torch.randn(2, 3, 56, 84) if model is VIT else torch.randn(2, 3, 64, 96)
    before = net(x)[-1]
    net.init_weights()
    (level, message) = logged[0]
    count = len(net.state_dict())
    assert f'loaded {count} of {count} parameters' in message and level == logging.INFO
    wanted = reference.forward_intermediates(x, intermediates_only=True, norm=False)
    for got in net(x):
        same = [other for other in wanted if other.shape == got.shape]
        assert any(torch.allclose(got, other, atol=1e-5) for other in same)
    assert not torch.allclose(net(x)[-1], before, atol=1e-3)


def test_position_embeddings_of_another_size_are_resized(tmp_path, logged):
    torch.save(whole(**VIT | dict(img_size=56)).state_dict(), tmp_path / 'large.pth')
    net = build(dict(type='Pretrained', checkpoint=str(tmp_path / 'large.pth')), **VIT)
    net.init_weights()
    count = len(net.state_dict())
    assert f'loaded {count} of {count} parameters' in logged[0][1]


def test_a_file_of_another_network_is_refused(tmp_path):
    torch.save({'fc.weight': torch.zeros(3, 3)}, tmp_path / 'other.pth')
    net = build(dict(type='Pretrained', checkpoint=str(tmp_path / 'other.pth')), **CNN)
    with pytest.raises(JointError, match=r'no parameter of model\.backbone .* fits'):
        net.init_weights()


@pytest.mark.parametrize(('height', 'width'), [(64, 96), (33, 47), (20, 70)])
@pytest.mark.parametrize(
    ('model', 'strides'),
    [(CNN, (4, 8, 16, 32)), (LIST, (4, 8, 16, 32)), (VIT, (14, 14)), (EVA, (16, 16, 16, 16))],
    ids=['cnn', 'list', 'vit', 'eva'],
)
def test_other_image_sizes(model, strides, height, width):
    if model is LIST and height % 32:
        pytest.skip('ConvNeXt rounds sizes down')
    outputs = build(**model)(torch.randn(1, 3, height, width))
    shapes = [tuple(output.shape[2:]) for output in outputs]
    assert shapes == [(-(-height // stride), -(-width // stride)) for stride in strides]


def test_frozen_backbone_keeps_weights_and_averages_and_lets_gradients_pass():
    net = build(**CNN, frozen=True).train()
    before = {key: value.clone() for key, value in net.state_dict().items()}
    x = torch.randn(2, 3, 64, 64, requires_grad=True)
    net(x)[-1].sum().backward()
    assert x.grad is not None and x.grad.abs().sum() > 0
    assert not any(parameter.requires_grad for parameter in net.parameters())
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())


def test_lora_starts_as_the_network_and_trains_little(tmp_path, logged):
    reference = whole(**VIT)
    torch.save(reference.state_dict(), tmp_path / 'whole.pth')
    init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'whole.pth'))
    plain, net = (
        build(init_cfg, **VIT, lora=lora) for lora in (None, dict(r=2, target_modules=['qkv']))
    )
    for backbone in (plain, net):
        backbone.init_weights()
        backbone.eval()
    x = torch.randn(1, 3, 56, 56)
    assert torch.equal(net(x)[-1], plain(x)[-1])
    trained = [name for name, value in net.named_parameters() if value.requires_grad]
    assert len(trained) == 4 and all('.qkv.lora_' in name for name in trained)
    assert 'left at initialization: timm_model.model.blocks.0.attn.qkv.lora_A' in logged[1][1]
    count = len(plain.state_dict())
    assert f'loaded {count} of {count}' in logged[0][1]
    assert f'loaded {count} of {count + 4}' in logged[1][1]


def test_lora_has_no_plain_equal():
    config = segmentor(dict(**VIT, lora=dict(r=2, target_modules=['qkv'])), [12, 12])
    assert plain_model(config)['backbone']['type'] == 'TimmBackbone'


def test_normalization_is_timms():
    assert build(**VIT).normalization == dict(
        mean=[pytest.approx(value) for value in (123.675, 116.28, 103.53)],
        std=[pytest.approx(value) for value in (58.395, 57.12, 57.375)],
    )


def segmentor(backbone, in_channels, neck=None, **kwargs):
    head = dict(
        type='SegformerHead',
        in_channels=in_channels,
        in_index=list(range(len(in_channels))),
        channels=8,
        num_classes=5,
        norm_cfg=dict(type='BN'),
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
    )
    config = {**MODEL, 'backbone': dict(type='TimmBackbone', **backbone), 'decode_head': head}
    return {**config, **(dict(neck=neck) if neck else {}), **kwargs}


PYRAMID = dict(type='Feature2Pyramid', embed_dim=16, norm_cfg=dict(type='BN'))
NETS = dict(
    cnn=segmentor(CNN, [64, 128, 256, 512]),
    vit=segmentor(VIT, [12, 12]),
    eva=segmentor(EVA, [16] * 4, PYRAMID),
    frozen=segmentor(dict(**VIT, frozen=True), [12, 12]),
    lora=segmentor(dict(**VIT, lora=dict(r=2, target_modules=['qkv'])), [12, 12]),
)
OPTIM = dict(
    constructor='JointOptimWrapperConstructor',
    segmentor=dict(optimizer=dict(type='AdamW', lr=1e-3)),
)


@pytest.mark.parametrize('name', NETS)
def test_two_steps_and_a_resume_between_them(name, tmp_path):
    def steps(model, optim_wrapper, seeds):
        for seed in seeds:
            torch.manual_seed(seed)
            model.train_step(batch(seed, count=2), optim_wrapper)

    def start():
        torch.manual_seed(0)
        model = MODELS.build(NETS[name])
        model.init_weights()
        return model.train(), build_optim_wrapper(model, OPTIM)

    model, optim_wrapper = start()
    first = {key: value.clone() for key, value in model.state_dict().items()}
    steps(model, optim_wrapper, [1])
    torch.save((model.state_dict(), optim_wrapper.state_dict()), tmp_path / 'half.pth')
    steps(model, optim_wrapper, [2])
    for key, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert not torch.equal(parameter, first[key]) or parameter.grad is None, key
    if name == 'lora':
        moved = [key for key, value in model.state_dict().items() if 'backbone' in key
                 and not torch.equal(value, first[key])]  # fmt: skip
        assert moved and all('.lora_' in key for key in moved)
    moved = [key for key, value in model.state_dict().items() if not torch.equal(value, first[key])]
    assert any(key.startswith('backbone') for key in moved) == (name != 'frozen')

    resumed, its_wrapper = start()
    state, optimizer_state = torch.load(tmp_path / 'half.pth', weights_only=True)
    resumed.load_state_dict(state)
    its_wrapper.load_state_dict(optimizer_state)
    steps(resumed, its_wrapper, [2])
    for key, value in model.state_dict().items():
        assert torch.equal(resumed.state_dict()[key], value), key


@pytest.mark.parametrize('name', [name for name in NETS if name != 'lora'])
def test_plain_mmseg_predicts_the_same(name):
    ours = MODELS.build(NETS[name]).eval()
    config = plain_model(dict(NETS[name]))
    assert config['backbone']['type'] == 'TIMMBackbone'
    plain = MODELS.build(config).eval()
    plain.load_state_dict(ours.state_dict())
    x = torch.randn(1, 3, 64, 96)
    assert type(plain).__name__ == 'EncoderDecoder'
    assert torch.equal(plain(x), ours(x))


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        (dict(model_name='resnet10tt'), 'did you mean resnet10t'),
        (dict(depht=3), 'cannot build model.backbone'),
        (dict(lora=dict(rr=2)), 'refused by peft'),
        (dict(lora=dict(target_modules=['nothing'])), 'refused by peft'),
        (dict(pretrained=True), "checkpoint='timm://resnet10t'"),
        (dict(model_name='vit_tiny_patch16_224'), 'add dynamic_img_size=True'),
    ],
)
def test_bad_arguments_end_in_one_sentence(change, said):
    with pytest.raises(JointError, match=said):
        build(**CNN | change)


def test_timms_own_weights_are_fetched_by_their_name(monkeypatch, tmp_path, logged):
    import timm

    asked = []

    def fetch(hub_id, weights_only):
        asked.append(hub_id)
        return whole(**CNN).state_dict()

    monkeypatch.setattr(timm.models, 'load_state_dict_from_hf', fetch)
    build(dict(type='Pretrained', checkpoint='timm://resnet10t.c3_in1k'), **CNN).init_weights()
    assert asked == ['timm/resnet10t.c3_in1k'] and 'loaded' in logged[0][1]
    with pytest.raises(JointError, match='publishes no weights'):
        schemes.load_from_timm('timm://resnet10t.nobody')
