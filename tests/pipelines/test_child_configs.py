"""The child configs of docs/joint_config.md train other people's models on one's own classes."""

from __future__ import annotations

import math
from collections.abc import Iterable

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.model import BaseModule
from mmengine.runner import load_checkpoint
from mmseg.models.decode_heads import Mask2FormerHead
from mmseg.registry import MODELS
from torch import nn

from mmseg_joint.engine.launch import build_runner
from mmseg_joint.errors import JointError
from tests.doctor.healthy import assert_healthy
from tests.pipelines.snippets import FILES, NARROW, tiny_child, write_fields, write_files

PLAIN = dict(
    JointEncoderDecoder='EncoderDecoder',
    JointCascadeEncoderDecoder='CascadeEncoderDecoder',
    JointMaskEncoderDecoder='EncoderDecoder',
)
# loss -> the networks that it must train, all others it must leave alone
BODY, HEAD, AUXILIARY = 'backbone', 'decode_head', 'auxiliary_head'
OBJECTIVES = {
    'weighting.loss_source': {'weighting'},
    'weighting.loss_target': {'weighting'},
    'ga.loss_adversarial': {BODY, HEAD},
    'ga.loss_discriminator': {'ga'},
    'sa.loss_adversarial': {BODY},
    'sa.loss_discriminator': {'sa'},
    'regularization.loss_main': {BODY, HEAD},
}
SUPERVISED = {f'{domain}.decode.loss_ce': {BODY, HEAD} for domain in ('source', 'target')}
AUX = {f'{domain}.aux.loss_ce': {BODY, AUXILIARY} for domain in ('source', 'target')}
TWO_LEVELS = {
    'ga.loss_adversarial_auxiliary': {BODY, AUXILIARY},
    'ga.loss_discriminator_auxiliary': {'ga'},
}
STAGES = {
    f'{domain}.decode_{stage}.loss_ce': {BODY, HEAD}
    for domain in ('source', 'target')
    for stage in (0, 1)
}
MASKS = {
    f'{domain}.decode.{layer}loss_{kind}': {BODY, HEAD}
    for domain in ('source', 'target')
    for layer in ('', 'd0.', 'd1.')
    for kind in ('cls', 'mask', 'dice')
}
# before the first layer, queries know nothing of the image
BLIND = {f'{domain}.decode.d0.loss_cls': {HEAD} for domain in ('source', 'target')}
UNWEIGHTED = {name: parts for name, parts in OBJECTIVES.items() if 'weighting' not in name}
TRAINED = dict(
    my_segformer={**OBJECTIVES, **SUPERVISED},
    my_deeplabv3plus={**OBJECTIVES, **SUPERVISED, **AUX, **TWO_LEVELS},
    my_upernet={**OBJECTIVES, **SUPERVISED, **AUX},
    my_ocrnet={**OBJECTIVES, **STAGES},
)


def networks(model: nn.Module) -> dict[str, list[nn.Parameter]]:
    """Name of each part of the segmentor and of each objective -> its trained parameters."""
    parts = {**dict(model.named_children()), **dict(model.objectives.items())}
    del parts['objectives']
    found = {n: [p for p in part.parameters() if p.requires_grad] for n, part in parts.items()}
    return {name: parameters for name, parameters in found.items() if parameters}


def reached(loss: torch.Tensor, parts: dict[str, list[nn.Parameter]]) -> set[str]:
    def touched(parameters: Iterable[nn.Parameter]) -> bool:
        got = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
        return any(g is not None and g.any() for g in got)

    return {name for name, parameters in parts.items() if touched(parameters)}


@pytest.fixture
def child(tmp_path, monkeypatch):
    """Builds the tiny form of one of the page's configs; it and its data lie in a folder."""
    write_files(tmp_path)
    write_fields(tmp_path / 'data')
    monkeypatch.chdir(tmp_path)  # my_data.py names its folders relative to where one trains
    return lambda name: tiny_child(tmp_path / f'{name}.py')


def check_losses(runner, cfg, expected):
    """Every loss reaches the networks that it is meant for, and no other."""
    batch = next(iter(runner.train_dataloader))
    losses = runner.model.loss(**runner.model.data_preprocessor(batch, training=True))
    parts = networks(runner.model)
    assert set(parts) >= {BODY, HEAD, *(n for n, value in cfg.model.objectives.items()
                                        if value and n != 'regularization')}  # fmt: skip
    got = {name: reached(value, parts) for name, value in losses.items() if 'loss' in name}
    assert got == expected


def check_checkpoint(runner, cfg):
    """What training saved predicts in mmseg's own segmentor what it predicts in ours."""
    config = ConfigDict(cfg.model, type=PLAIN[cfg.model.type])
    del config['objectives']
    plain = MODELS.build(config).eval()
    load_checkpoint(plain, f'{cfg.work_dir}/iter_2.pth', strict=False)
    ours = runner.model.eval()
    images = torch.rand(2, 3, 64, 96)
    with torch.no_grad():
        for expected, got in zip(ours.predict(images), plain.predict(images)):
            assert expected.seg_logits.data.any()
            assert torch.equal(expected.seg_logits.data, got.seg_logits.data)


def train_and_check(cfg, expected):
    runner = build_runner(cfg)
    before = {name: value.clone() for name, value in runner.model.named_parameters()}
    runner.train()
    logged = runner.message_hub.log_scalars
    for name in expected:
        assert math.isfinite(logged[f'train/{name}'].current()), name
    assert logged['val/mIoU'].current() >= 0
    for name, parameters in networks(runner.model).items():
        ids = set(map(id, parameters))
        moved = [
            not torch.equal(value, before[key])
            for key, value in runner.model.named_parameters()
            if id(value) in ids
        ]
        assert sum(moved) > len(moved) / 2, f'{name} was not trained'
    check_losses(runner, cfg, expected)
    check_checkpoint(runner, cfg)


@pytest.mark.parametrize('name', TRAINED)
def test_child_config_trains_with_every_objective(name, child, tmp_path, capsys):
    cfg = child(name)
    assert_healthy(cfg, tmp_path, capsys)
    train_and_check(cfg, TRAINED[name])


def test_mask2former_trains_where_mmdet_is_and_says_where_it_is_not(child):
    cfg = child('my_mask2former')
    if Mask2FormerHead.__bases__ != (BaseModule,):  # what mmseg puts there if mmdet fails
        train_and_check(cfg, {**UNWEIGHTED, **MASKS, **BLIND})
    else:
        with pytest.raises(JointError, match='of type Mask2FormerHead needs mmdet, and an mmcv'):
            build_runner(cfg)


def test_every_model_of_the_page_is_tested():
    models = {name[:-3] for name, text in FILES.items() if 'mmseg::' in text}
    assert models == set(NARROW) == {*TRAINED, 'my_mask2former'}
