from __future__ import annotations

import numpy as np
import torch
from mmengine.structures import PixelData
from mmseg.evaluation import IoUMetric

from mmseg_joint.evaluation import ClassIoUMetric

CLASSES = ('soil', 'crop', 'weed', 'stone')


def test_the_iou_of_each_class_that_occurs_and_mmsegs_mean():
    rng = np.random.RandomState(0)
    own, theirs = ClassIoUMetric(), IoUMetric()
    truth, guess = rng.randint(0, 3, (2, 1, 9, 7)), rng.randint(0, 3, (2, 1, 9, 7))
    truth[:, :, 0] = 255
    for metric in (own, theirs):
        metric.dataset_meta = dict(classes=CLASSES)
        for t, g in zip(truth, guess):
            sample = {
                'gt_sem_seg': PixelData(data=torch.tensor(t)),
                'pred_sem_seg': PixelData(data=torch.tensor(g)),
            }
            metric.process({}, [{k: dict(data=v.data) for k, v in sample.items()}])
    found = own.compute_metrics(own.results)
    known = truth != 255
    expected = {
        f'IoU.{name}': 100
        * ((truth == c) & (guess == c) & known).sum()
        / (((truth == c) | (guess == c)) & known).sum()
        for c, name in enumerate(CLASSES[:3])
    }
    assert list(found) == list(expected)  # no pixel is a stone
    np.testing.assert_allclose(list(found.values()), list(expected.values()), atol=0.005)
    mean = theirs.compute_metrics(theirs.results)['mIoU']
    np.testing.assert_allclose(np.mean(list(found.values())), mean, atol=0.01)
