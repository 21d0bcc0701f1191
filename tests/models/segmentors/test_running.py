from __future__ import annotations

import pytest
import torch
from torch import nn

from mmseg_joint.models.segmentors.running import evaluation_mode, gradients, group_domains

SMALL, LARGE = torch.zeros(1, 3, 8, 8), torch.zeros(2, 3, 8, 16)
ALL = ('source', 'target', 'unlabeled')


@pytest.mark.parametrize(
    ('images', 'trained', 'merge', 'groups'),
    [
        (dict(source=SMALL, target=SMALL), ALL, 'auto', [['source', 'target']]),
        (dict(source=SMALL, target=SMALL), ALL, False, [['source'], ['target']]),
        (dict(source=LARGE, target=SMALL), ALL, 'auto', [['source'], ['target']]),
        # a domain without a graph runs apart, unless all are forced together
        (dict(source=SMALL, unlabeled=SMALL), ('source',), 'auto', [['source'], ['unlabeled']]),
        (dict(source=SMALL, unlabeled=SMALL), ('source',), True, [['source', 'unlabeled']]),
        (
            dict(source=LARGE, target=SMALL, unlabeled=SMALL),
            ALL,
            'auto',
            [['source'], ['target', 'unlabeled']],
        ),
        (
            dict(source=SMALL, target=LARGE, unlabeled=SMALL),
            ALL,
            'auto',
            [['source'], ['target'], ['unlabeled']],  # in order
        ),
    ],
)
def test_groups(images, trained, merge, groups):
    assert group_domains(images, trained, merge) == groups


@pytest.mark.parametrize('outside', [True, False])
@pytest.mark.parametrize('wanted', [True, False])
def test_there_is_a_graph_only_where_all_want_one(wanted, outside):
    weight = torch.ones(1, requires_grad=True)
    with torch.set_grad_enabled(outside):
        with gradients(wanted):
            assert (2 * weight).requires_grad == (wanted and outside)
        assert torch.is_grad_enabled() == outside


def test_each_module_has_its_own_mode_again_after_an_error():
    network = nn.Sequential(nn.Dropout(), nn.BatchNorm2d(3).eval())
    with pytest.raises(RuntimeError), evaluation_mode([network]):
        assert not any(module.training for module in network.modules())
        raise RuntimeError
    assert [module.training for module in network.modules()] == [True, True, False]
