"""A training step makes the host wait for the device once, for the log's values."""

from __future__ import annotations

import math
from unittest.mock import MagicMock

import pytest
import torch

from mmseg_joint.errors import JointError
from mmseg_joint.models.segmentors.step_values import check_finite
from tests.host_waits import host_waits
from tests.objective_cases import CASES, objectives_without_case


def test_every_objective_is_covered():
    assert not objectives_without_case(), 'add a case to tests/objective_cases.py'


@pytest.mark.parametrize('name', CASES)
def test_nothing_waits_but_the_log(name):
    case = CASES[name]
    model = case.build().train()
    optim_wrapper = case.optim_wrapper(model)
    model.train_step(case.batch(seed=0), optim_wrapper)  # optimizers make their state
    data = case.batch(seed=1)
    with host_waits() as found:
        log = model.train_step(data, optim_wrapper)
    # optimizers read their step counts, which lie on the host
    waits = [wait for wait in found if not wait[1].endswith(' step')]
    assert len(waits) == 1, waits
    (read,) = waits
    # on a GPU it reads what was copied while the backward was launched
    assert read[0] == 'mmseg_joint'
    assert read[1].startswith('step_values.py:') and read[2] == 'tolist'
    assert set(log) >= {'loss'}


@pytest.mark.parametrize(
    'wait',
    [
        lambda x: x.sum().item(),
        lambda x: bool(x.any()),
        lambda x: int(x.sum()),
        lambda x: x[x > 0],
        lambda x: x.nonzero(),
        lambda x: torch.unique(x),
        lambda x: torch.bincount(x),
        lambda x: x.tolist(),
        lambda x: x.numpy(),
        lambda x: x.cpu(),
        lambda x: torch.masked_select(x, x > 0),
        lambda x: torch.tensor([1]),
        lambda x: x.repeat_interleave(x),
    ],
)
def test_the_counter_sees(wait):
    with host_waits() as found:
        wait(torch.arange(4))
    assert found


class TestFiniteLoss:
    @staticmethod
    def deferred(monkeypatch, loss):
        """As on a GPU: the check is put off to the end of the backward."""
        monkeypatch.setattr(torch.Tensor, 'is_cuda', True, raising=False)
        monkeypatch.setattr(torch.cuda, 'Event', MagicMock)
        log = {'loss': loss, 'source.loss_ce': loss * 1}
        check_finite(loss, log)
        return log

    def test_backward_ends_before_nan_is_refused(self, monkeypatch):
        weight = torch.tensor([2.0], requires_grad=True)
        loss = (weight * math.nan).sum()
        log = self.deferred(monkeypatch, loss)
        assert log['loss'] is loss
        with pytest.raises(JointError, match=r'The loss is nan \(source\.loss_ce\)'):
            loss.backward()
        assert weight.grad.isnan().all()

    def test_values_for_the_log_are_there_after_the_backward(self, monkeypatch):
        weight = torch.tensor([2.0], requires_grad=True)
        log = self.deferred(monkeypatch, (weight * 3).sum())
        assert log['loss'].requires_grad
        (log['loss'] * 1024).backward()  # as a gradient scaler does
        assert log['loss'].item() == 6 and not log['loss'].requires_grad
        assert weight.grad.item() == 3072

    def test_without_a_backward_it_is_refused_at_once(self, monkeypatch):
        with pytest.raises(JointError, match='The loss is nan'):
            self.deferred(monkeypatch, torch.tensor(math.nan))

    def test_a_sum_that_overflows_has_no_culprit(self):
        parts = {f'{name}.loss_ce': torch.tensor(3e38) for name in ('source', 'target')}
        total = sum(parts.values())
        with pytest.raises(JointError, match=r'The loss is inf \(the sum overflows\)'):
            check_finite(total, {'loss': total, **parts})

    def test_what_is_only_logged_may_be_undefined(self):
        log = {'loss': torch.tensor(2.0), 'gan.accuracy': torch.tensor(math.nan)}
        check_finite(log['loss'], log)
        assert log['loss'] == 2 and log['gan.accuracy'].isnan()

    def test_an_optimizer_never_steps_with_it(self):
        case = CASES['hrs_weighting']
        model = case.build()
        with torch.no_grad():
            model.decode_head.score_pool3.bias.fill_(math.nan)
        before = {name: value.clone() for name, value in model.state_dict().items()}
        with pytest.raises(JointError, match='The loss is nan'):
            model.train_step(case.batch(), case.optim_wrapper(model))
        for name, value in model.state_dict().items():
            torch.testing.assert_close(value, before[name], rtol=0, atol=0, equal_nan=True)

    def test_each_value_for_the_log_is_exact(self):
        log = {'loss': torch.tensor(0.1), 'accuracy': torch.tensor(0.1, dtype=torch.float64)}
        wanted = [log['loss'].item(), 0.1]
        check_finite(log['loss'], log)
        assert [value.item() for value in log.values()] == wanted
