"""The list itself: which checks run at which moment, and what a mistake stops."""

from __future__ import annotations

import pytest
from mmengine.config import Config

from mmseg_joint import checks
from mmseg_joint.checks import Check, findings, refuse
from mmseg_joint.errors import JointError


@pytest.fixture
def asked(monkeypatch):
    """Replace the list; return which checks ran, in order."""
    calls = []

    def check(name: str, fails: bool = False):
        def run(*things):
            calls.append((name, *things))
            if fails:
                raise JointError(f'{name} is wrong.')

        return run

    listed = (
        Check('config', check('a')),
        Check('config', check('b', fails=True), ('train',)),
        Check('data', check('c')),
        Check('config', check('d', fails=True)),
    )
    monkeypatch.setattr(checks, 'CHECKS', listed)
    return calls


def test_training_stops_at_the_first_and_the_doctor_gets_all(asked):
    with pytest.raises(JointError, match=r'^b is wrong\.$'):
        refuse('config', 'train', 1)
    assert asked == [('a', 1), ('b', 1)]
    del asked[:]
    assert [str(error) for error in findings('config', 'train', 1)] == [
        'b is wrong.',
        'd is wrong.',
    ]
    assert asked == [('a', 1), ('b', 1), ('d', 1)]
    del asked[:]
    with pytest.raises(JointError, match=r'^d is wrong\.$'):
        refuse('config', 'test', 1)
    refuse('data', 'test', 1, 2)
    assert asked == [('a', 1), ('d', 1), ('c', 1, 2)]


def test_a_check_may_fail_over_what_an_earlier_one_has_found(monkeypatch):
    """The doctor goes on after the first mistake, and later checks rely on earlier ones."""

    def crash(cfg):
        raise TypeError

    monkeypatch.setattr(
        checks, 'CHECKS', (Check('config', checks.check_sections), Check('config', crash))
    )
    assert len(list(findings('config', 'train', Config(dict(model=1))))) == 1
    with pytest.raises(TypeError):
        list(findings('config', 'train', Config()))


def test_the_list_names_a_missing_part_before_it_looks_into_one():
    cfg = Config(dict(model=dict(type='JointEncoderDecoder')))
    with pytest.raises(JointError, match='has no train_dataloader, train_cfg, optim_wrapper: add'):
        refuse('config', 'train', cfg)
    with pytest.raises(JointError, match='has no test_dataloader, test_cfg, test_evaluator: add'):
        refuse('config', 'test', cfg)
