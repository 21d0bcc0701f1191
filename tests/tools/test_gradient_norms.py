from __future__ import annotations

from functools import partial

import pytest
import torch
from mmseg.registry import MODELS

from tests.tiny_configs import ROOT, tiny

TOOL = ROOT / 'tools/gradient_norms.py'


@pytest.fixture
def call(call, roots, tmp_path):
    """Runs the tool on a tiny HRS model."""
    cfg = tiny(ROOT / 'configs/hrs_fcn8s_gta_city.py', roots, tmp_path)
    cfg.dump(tmp_path / 'hrs.py')
    model = MODELS.build(cfg.model)
    model.init_weights()
    torch.save({'state_dict': model.state_dict(), 'meta': {}}, tmp_path / 'one.pth')
    return partial(call, TOOL, tmp_path / 'hrs.py', tmp_path / 'one.pth', '--batches', 2)


def test_it_prints_every_loss_the_strongest_first(call):
    status, out, _ = call()
    assert status == 0
    lines = [line.split() for line in out.splitlines() if line.startswith('  ')]
    norms = {name: float(norm) for name, norm, _ in lines}
    assert {'source.decode.loss_ce', 'gan.loss_encoder', 'weighting.loss_source'} <= set(norms)
    assert list(norms.values()) == sorted(norms.values(), reverse=True)
    assert float(lines[0][2]) == 1 and norms['weighting.loss_source'] == 0
    assert norms['gan.loss_encoder'] > 0


def test_unknown_part_is_named(call):
    status, _, errors = call('--part', 'head')
    assert status == 2 and '--part head: the model has no such part' in errors
