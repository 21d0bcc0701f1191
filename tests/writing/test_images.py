"""The datasets that the writing tools read."""

from __future__ import annotations

import pytest
from mmengine.config import Config

from mmseg_joint.errors import JointError
from mmseg_joint.writing.images import images_of_domain


def test_images_without_files_are_refused_before_they_are_predicted():
    steps = [dict(type='LoadStreet')]
    streets = dict(type='StreetsDataset', count=2, size=(64, 48), pipeline=steps)
    cfg = Config(
        dict(
            train_dataloader=dict(dataset=dict(domains=dict(unlabeled=streets))),
            test_dataloader=dict(dataset=streets),
        )
    )
    with pytest.raises(JointError, match=r'domains\.unlabeled is no dataset of image files: name'):
        images_of_domain(cfg, 'unlabeled')
