"""The bare loop computes what the model computes, or reports what it does not support."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mmseg_joint.benchmark.configs import plain_beside, prepare
from mmseg_joint.benchmark.loop import start
from mmseg_joint.benchmark.settings import Settings
from mmseg_joint.utils.unwrapped import optimizers_of
from tests.reference.bare import BareLoop, losses_of_both, not_written
from tests.tiny import batch
from tests.tools.test_benchmark import SETTINGS, hrs, hrs_loop


@pytest.mark.parametrize('dtype', [None, 'bfloat16'])
@pytest.mark.parametrize('domains', [('source', 'target'), ('target', 'source', 'source')])
def test_bare_loop_computes_the_same_loss_and_gradients(tmp_path, dtype, domains):
    loop = hrs_loop(tmp_path, Settings(size=(96, 64), dtype=dtype, device='cpu'))
    model, optim_wrapper = loop.runner.model, loop.runner.optim_wrapper
    assert not_written(model) is None
    bare = BareLoop(model, optimizers_of(loop.runner.optim_wrapper), dtype)
    data = batch(domains=domains)
    tolerance = 1e-6 if dtype is None else 1e-2
    theirs, ours = losses_of_both(model, bare, data, optim_wrapper)
    assert ours == pytest.approx(theirs, rel=tolerance)
    if dtype is None:
        assert_same_gradients(model, bare, data)


def assert_same_gradients(model, bare, data):
    torch.manual_seed(0)
    bare.loss(data).backward()
    ours = {name: value.grad.clone() for name, value in model.named_parameters()}
    model.zero_grad()
    torch.manual_seed(0)
    prepared = model.data_preprocessor(data, training=True)
    model.parse_losses(model.loss(**prepared))[0].backward()
    for name, value in model.named_parameters():
        torch.testing.assert_close(ours[name], value.grad, rtol=1e-3, atol=1e-7, msg=name)


def test_bare_loop_of_the_plain_config_and_its_step(tmp_path):
    loop = start(prepare(plain_beside(hrs()), SETTINGS, 'test_plain', str(tmp_path)))
    bare = BareLoop(loop.runner.model, optimizers_of(loop.runner.optim_wrapper))
    theirs, ours = losses_of_both(loop.runner.model, bare, batch(), loop.runner.optim_wrapper)
    assert ours == pytest.approx(theirs, rel=1e-6)
    before = [value.clone() for value in loop.runner.model.parameters()]
    bare.step(batch())
    after = list(loop.runner.model.parameters())
    assert not all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_bare_loop_reports_what_it_does_not_support(tmp_path):
    model = hrs_loop(tmp_path).runner.model
    model.decode_head.loss_decode = nn.BCEWithLogitsLoss()
    assert 'cross-entropy' in not_written(model)
