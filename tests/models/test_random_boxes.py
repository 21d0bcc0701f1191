from __future__ import annotations

import torch

from mmseg_joint.models.random_boxes import random_boxes


def test_one_rectangle_within_each_image():
    torch.manual_seed(0)
    height, width = 37, 50
    boxes = random_boxes(2000, (height, width), (0.1, 0.3), (0.5, 2.0), 0.75)
    areas, ratios, places = [], [], []
    for box in boxes:
        rows, columns = box.any(dim=1).nonzero()[:, 0], box.any(dim=0).nonzero()[:, 0]
        if len(rows) == 0:
            continue
        h, w = int(rows[-1] - rows[0] + 1), int(columns[-1] - columns[0] + 1)
        assert box.sum() == h * w  # nothing but the rectangle
        areas.append(h * w / height / width)
        ratios.append(h / w)
        places.append((int(rows[0]) / (height - h), int(columns[0]) / (width - w)))
    assert abs(len(areas) / 2000 - 0.75) < 0.04
    areas, ratios, places = torch.tensor(areas), torch.tensor(ratios), torch.tensor(places)
    assert areas.min() > 0.09 and areas.max() < 0.33 and abs(areas.mean() - 0.2) < 0.01
    assert ratios.min() > 0.45 and ratios.max() < 2.2 and abs(ratios.log().mean()) < 0.05
    assert places.min() == 0 and places.max() == 1 and (places.mean(0) - 0.5).abs().max() < 0.03
    drawn = torch.corrcoef(torch.stack([areas, ratios.log(), *places.unbind(1)]))
    assert (drawn - torch.eye(4)).abs().max() < 0.15  # each is drawn apart from the others


def test_a_side_longer_than_the_image_is_cut():
    boxes = random_boxes(20, (8, 40), (0.9, 0.9), (3.0, 3.0))
    assert all(box.any(dim=1).all() for box in boxes)
    assert (boxes.any(dim=1).sum(dim=1) == round((0.9 * 8 * 40 / 3) ** 0.5)).all()


def test_nothing_and_everything():
    assert not random_boxes(3, (5, 7), (0.5, 1.0), (1.0, 1.0), probability=0.0).any()
    assert random_boxes(3, (6, 6), (1.0, 1.0), (1.0, 1.0)).all()
