from __future__ import annotations

import pytest
from mmengine.config import Config

from mmseg_joint.checks.objectives import check_followers
from mmseg_joint.errors import JointError
from tests.models.objectives.seam_objectives import SeamAverage


@pytest.mark.parametrize('kind', ['SeamAverage', SeamAverage])
def test_who_moves_with_every_step_needs_to_be_told(kind):
    objectives = dict(mix=dict(type='SeamMix'), gone=None, average=dict(type=kind))
    cfg = Config(dict(model=dict(objectives=objectives), optim_wrapper=dict(type='OptimWrapper')))
    with pytest.raises(JointError, match=r'objectives\.average moves .*constructor=.*: set it\.'):
        check_followers(cfg)
    cfg.optim_wrapper.constructor = 'JointOptimWrapperConstructor'
    check_followers(cfg)
    cfg = Config(dict(model=dict(objectives=dict(mix=dict(type='SeamMix'))), optim_wrapper={}))
    check_followers(cfg)
