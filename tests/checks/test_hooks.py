from __future__ import annotations

import pytest
from mmengine.config import Config

from mmseg_joint.checks import hooks
from mmseg_joint.checks.hooks import check_backends, check_best
from mmseg_joint.errors import JointError


def best(**values) -> Config:
    return Config(dict(default_hooks=dict(checkpoint=dict(type='CheckpointHook', **values))))


def test_what_is_better():
    for good in ({}, dict(save_best='mIoU'), dict(save_best='x', rule='less')):
        check_best(best(**good))
    check_best(best(save_best=['mIoU', 'aAcc']))
    check_best(Config(dict(default_hooks=None)))
    for bad in (dict(save_best='mIuO'), dict(save_best='mIoU', rule='most')):
        with pytest.raises(JointError, match=r'checkpoint\.save_best is .*: name a result'):
            check_best(best(**bad))


def test_packages_of_backends(monkeypatch):
    backends = [dict(type='LocalVisBackend'), dict(type='mmengine.TensorboardVisBackend')]
    cfg = Config(dict(visualizer=dict(vis_backends=backends)))
    monkeypatch.setattr(hooks, 'find_spec', lambda name: name == 'tensorboardX' or None)
    check_backends(cfg)
    monkeypatch.setattr(hooks, 'find_spec', lambda name: None)
    with pytest.raises(JointError, match=r'vis_backends\.1 is .*`python -m pip install tensorb'):
        check_backends(cfg)
    check_backends(Config(dict(visualizer=None)))
