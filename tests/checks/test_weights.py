from __future__ import annotations

import pytest
from mmengine.config import Config

from mmseg_joint.checks.weights import check_files, is_here, weights_files
from mmseg_joint.errors import JointError


def test_weights_that_a_config_names(tmp_path):
    (tmp_path / 'here.pth').touch()
    here = str(tmp_path / 'here.pth')
    cfg = Config(
        dict(
            model=dict(
                backbone=dict(init_cfg=[dict(type='mmengine.Pretrained', checkpoint=here)]),
                neck=dict(pretrained='a name', init_cfg=dict(type='Normal', checkpoint='b name')),
                pretrained='open-mmlab://resnet50',
            ),
            load_from='https://a.b/c.pth',
        )
    )
    assert weights_files(cfg) == {
        'model.pretrained': 'open-mmlab://resnet50',
        'model.backbone.init_cfg.0.checkpoint': here,
        'load_from': 'https://a.b/c.pth',
    }
    assert [is_here(path) for path in weights_files(cfg).values()] == [False, True, False]
    check_files(cfg)
    cfg.load_from = 'gone.pth'
    with pytest.raises(JointError, match=r"^load_from is 'gone\.pth', which does not exist: put"):
        check_files(cfg)
    cfg.model.pretrained = 'gone/too.pth'
    with pytest.raises(JointError, match=r"too\.pth' and load_from is 'gone\.pth', which does"):
        check_files(cfg)
    check_files(Config(dict(model=None, load_from=None)))
    with pytest.raises(JointError, match=r"^model\.backbone\.init_cfg is 'a\.pth': give a dict"):
        check_files(Config(dict(model=dict(backbone=dict(init_cfg='a.pth')))))
