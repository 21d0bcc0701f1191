from __future__ import annotations

import pytest
import torch

from mmseg_joint.models.segmentors.running import group_domains

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
