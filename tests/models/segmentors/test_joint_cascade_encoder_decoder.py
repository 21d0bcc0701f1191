from __future__ import annotations

import copy

import pytest
import torch
from mmseg.registry import MODELS

from mmseg_joint.errors import JointError
from tests.tiny import CLASSES, HRS, MODEL, batch, build

LOSS = dict(type='CrossEntropyLoss', avg_non_ignore=True)
FIRST = dict(
    type='FCNHead',
    in_channels=8,
    in_index=2,
    channels=4,
    num_convs=1,
    num_classes=CLASSES,
    dropout_ratio=0.0,
    norm_cfg=dict(type='BN'),
    loss_decode=dict(LOSS, loss_weight=0.4),
)
OCR = dict(
    type='OCRHead',
    in_channels=8,
    in_index=2,
    channels=4,
    ocr_channels=4,
    num_classes=CLASSES,
    dropout_ratio=0.0,
    norm_cfg=dict(type='BN'),
    loss_decode=LOSS,
)
WEIGHTING = dict(weighting=HRS['weighting'])


def cascade(objectives=None, heads=(FIRST, OCR), **changes):
    changes = dict(num_stages=len(heads), **changes)
    kind = 'JointCascadeEncoderDecoder'
    return build(objectives, type=kind, decode_head=list(heads), **changes).double()


def losses_of(model, **kwargs):
    return model.loss(**model.data_preprocessor(batch(count=2, **kwargs), training=True))


@pytest.mark.parametrize('heads', [(FIRST, OCR), (FIRST, OCR, OCR)])
def test_losses_and_gradients_are_those_of_mmsegs_cascade(heads):
    model = cascade(heads=heads)
    config = copy.deepcopy(MODEL)
    config.update(type='CascadeEncoderDecoder', num_stages=len(heads))
    config['decode_head'] = copy.deepcopy(list(heads))
    plain = MODELS.build(config).double()
    result = plain.load_state_dict(model.state_dict())
    assert not result.missing_keys
    data = model.data_preprocessor(batch(domains=('target',), count=2), training=True)
    got = model.loss(**data)
    wanted = plain.loss(data['inputs']['target'], data['data_samples']['target'])
    assert set(got) == {f'target.{name}' for name in wanted}
    for name, value in wanted.items():
        torch.testing.assert_close(got[f'target.{name}'], value, rtol=1e-12, atol=0)
    for losses in (got, wanted):
        sum(value for name, value in losses.items() if 'loss' in name).backward()
    for ours, theirs in zip(model.parameters(), plain.parameters()):
        assert (ours.grad is None) == (theirs.grad is None)
        if ours.grad is not None:
            torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-9, atol=1e-12)


def test_every_head_is_weighted(monkeypatch):
    plain_model = cascade()
    plain = losses_of(plain_model)
    model = cascade(WEIGHTING)
    model.load_state_dict(plain_model.state_dict(), strict=False)
    monkeypatch.setattr(
        'mmseg_joint.models.objectives.hierarchical_weighting.weighting_map',
        lambda scores, labels, ignore_index, dtype: torch.full(labels.shape, 0.25),
    )
    weighted = losses_of(model)
    for stage in ('decode_0', 'decode_1'):
        source, target = (f'{domain}.{stage}.loss_ce' for domain in ('source', 'target'))
        torch.testing.assert_close(weighted[source], 0.25 * plain[source], rtol=1e-12, atol=0)
        assert torch.equal(weighted[target], plain[target])


def test_objectives_see_the_last_heads_scores():
    regularization = dict(type='TargetRegularization', domain='target')
    heads = dict(FIRST, align_corners=True), OCR  # the last one enlarges in its own way
    model = cascade(dict(regularization=regularization), heads)
    loss = losses_of(model)['regularization.loss_main']
    data = model.data_preprocessor(batch(count=2), training=True)
    features = model.backbone(data['inputs']['target'])
    first = model.decode_head[0](features)
    scores = model.decode_head[1](features, first)
    size = data['inputs']['target'].shape[-2:]
    scores = torch.nn.functional.interpolate(scores, size=size, mode='bilinear')
    expected = -0.1 * (scores.softmax(dim=1) ** 2).mean() / 2
    torch.testing.assert_close(loss, expected, rtol=1e-9, atol=0)


def test_objectives_ignore_the_label_that_the_last_head_ignores():
    model = cascade(WEIGHTING, (FIRST, dict(OCR, ignore_index=4)))
    assert model.objectives['weighting'].ignore_index == 4


def test_a_merged_forward_gives_the_losses_of_one_forward_a_domain():
    merged, apart = (
        cascade(WEIGHTING, merge_domains='auto'),
        cascade(WEIGHTING, merge_domains=False),
    )
    for name, value in losses_of(merged).items():
        torch.testing.assert_close(value, losses_of(apart)[name], rtol=1e-10, atol=0, msg=name)


class TestRefusals:
    @pytest.mark.parametrize('before', [(FIRST,), (FIRST, OCR)])
    def test_head_that_gives_no_map(self, before):
        message = rf'decode_head\[{len(before)}\] of type PointHead gives no score'
        with pytest.raises(JointError, match=message):
            cascade(heads=(*before, dict(OCR, type='PointHead')))

    def test_number_of_stages(self):
        with pytest.raises(JointError, match=r'list of model\.num_stages=3 heads'):
            build(type='JointCascadeEncoderDecoder', num_stages=3, decode_head=[FIRST, OCR])

    def test_single_head(self):
        with pytest.raises(JointError, match='or use type="JointEncoderDecoder"'):
            build(type='JointCascadeEncoderDecoder', num_stages=2, decode_head=FIRST)

    def test_cascade_without_its_type(self):
        with pytest.raises(JointError, match=r'set model\.type to "JointCascadeEncoderDecoder"'):
            build(num_stages=2, decode_head=[FIRST, OCR])


@pytest.mark.parametrize('heads', [(FIRST, OCR), (FIRST, OCR, OCR)])
@pytest.mark.parametrize('merge', ['auto', False])
def test_running_averages_of_its_heads_are_those_of_mmsegs_on_the_target(heads, merge):
    """mmseg's cascade runs all heads but the last twice, and moves their averages twice."""
    model = cascade(heads=heads, merge_domains=merge).train()
    config = copy.deepcopy(MODEL)
    config.update(type='CascadeEncoderDecoder', num_stages=len(heads))
    config['decode_head'] = copy.deepcopy(list(heads))
    plain = MODELS.build(config).double().train()
    plain.load_state_dict(model.state_dict())
    start = {name: value.clone() for name, value in model.state_dict().items()}
    data = model.data_preprocessor(batch(domains=('source', 'target'), count=2), training=True)
    model(**data, mode='loss')
    plain.loss(data['inputs']['target'], data['data_samples']['target'])
    expected = plain.state_dict()
    moved = [name for name, value in expected.items() if not torch.equal(value, start[name])]
    assert any('decode_head.0' in name for name in moved) and all('bn' in name for name in moved)
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, expected[name], rtol=1e-9, atol=1e-12, msg=name)
