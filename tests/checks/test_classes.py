from __future__ import annotations

from types import SimpleNamespace

import pytest
from torch import nn

from mmseg_joint.checks.classes import check_classes
from mmseg_joint.errors import JointError


@pytest.fixture
def model():
    model = nn.Linear(1, 1)
    model.num_classes = 3
    return model


def data(count: int | None, **attributes) -> SimpleNamespace:
    classes = None if count is None else tuple('abcdef'[:count])
    return SimpleNamespace(metainfo=dict(classes=classes), **attributes)


def test_the_first_that_differs_is_named(model):
    check_classes(model, data(3), 'test_dataloader.dataset')
    check_classes(model, data(None), 'test_dataloader.dataset')
    with pytest.raises(
        JointError, match=r'^test_dataloader\.dataset has 2 .*num_classes is 3: make'
    ):
        check_classes(nn.DataParallel(model), data(2), 'test_dataloader.dataset')
    domains = dict(source=data(3), unlabeled=data(5, labeled=False))
    joint = data(3, domains=domains)
    check_classes(model, joint, 'x')
    domains['target'] = data(4)
    with pytest.raises(JointError, match=r'^x\.domains\.target has 4 classes'):
        check_classes(model, joint, 'x')
