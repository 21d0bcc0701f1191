from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmseg_joint.errors import JointError
from mmseg_joint.visualization.figures import save_figure
from mmseg_joint.visualization.predictions import (
    IGNORED,
    RIGHT,
    WRONG,
    PredictedImage,
    draw_predictions,
    image_iou,
    labeled_image,
    paint,
    predict,
)
from tests.tiny import CLASSES, batch, build

METAINFO = {
    'classes': ('road', 'sky', 'car'),
    'palette': [[10, 20, 30], [40, 50, 60], [70, 80, 90]],
}
LABELS = np.array([[0, 0, 1, 1], [0, 0, 1, 255]])
BETTER = np.array([[0, 0, 1, 1], [0, 2, 1, 1]])
WORSE = np.array([[1, 1, 1, 1], [1, 1, 1, 1]])


def rows():
    image = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    return [
        PredictedImage(image, LABELS, {'FCN': WORSE, 'HRS': BETTER}, 'a.png'),
        PredictedImage(255 - image, LABELS, {'FCN': LABELS * 0, 'HRS': BETTER}),
    ]


def test_iou_counts_the_classes_of_the_labels():
    # road 3 of 4; sky 3 of 3, without its ignored pixel; the car is not in the labels
    assert image_iou(BETTER, LABELS) == pytest.approx((3 / 4 + 1) / 2)
    assert image_iou(WORSE, LABELS) == pytest.approx((0 + 3 / 7) / 2)
    assert math.isnan(image_iou(WORSE, np.full((2, 4), 255)))


def test_paint_uses_the_palette_and_leaves_ignored_white():
    painted = paint(LABELS, METAINFO['palette'])
    assert painted[0, 0].tolist() == [10, 20, 30]
    assert painted[0, 2].tolist() == [40, 50, 60]
    assert painted[1, 3].tolist() == [255, 255, 255]


def test_a_row_shows_image_truth_and_each_model(tmp_path):
    figure = draw_predictions(rows(), METAINFO, {'FCN': 'mIoU 20.1'})
    assert len(figure.axes) == 8 + 4
    main, errors = figure.axes[:4] + figure.axes[6:10], figure.axes[4:6] + figure.axes[10:]
    titles = [axes.get_title() for axes in main]
    assert titles == ['image', 'ground truth', 'FCN, mIoU 20.1', 'HRS', '', '', '', '']
    for row, axes in zip(rows(), (main[:4], main[4:])):
        images = [panel.images[0].get_array() for panel in axes]
        np.testing.assert_array_equal(images[0], row.image)
        for image, classes in zip(images[1:], (row.labels, *row.predictions.values())):
            np.testing.assert_array_equal(image, paint(classes, METAINFO['palette']))
    captions = [axes.get_xlabel() for axes in main]
    assert captions == ['a.png', '', 'mIoU 21.4', 'mIoU 87.5', '', '', 'mIoU 28.6', 'mIoU 87.5']
    wrong = [[WRONG if p != t else RIGHT for p, t in zip(*line)] for line in zip(BETTER, LABELS)]
    wrong[1][3] = IGNORED
    np.testing.assert_array_equal(errors[1].images[0].get_array(), wrong)
    assert errors[1].get_xlabel() == '14.3 % wrong'  # one of seven
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ['road', 'sky', 'car', 'no label', 'wrong']
    save_figure(figure, tmp_path / 'figure.png')


def test_the_name_of_an_image_is_no_formula(tmp_path):
    labels = np.zeros((2, 4), dtype=int)
    row = PredictedImage(np.zeros((2, 4, 3), np.uint8), labels, {'A': labels}, '$_$.png')
    save_figure(draw_predictions([row], METAINFO), tmp_path / 'figure.png')


def test_the_legend_names_only_what_occurs():
    labels = np.zeros((2, 4), dtype=int)
    image = np.zeros((2, 4, 3), dtype=np.uint8)
    figure = draw_predictions([PredictedImage(image, labels, {'A': labels + 2})], METAINFO)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ['road', 'car', 'wrong']


def test_the_image_is_shown_at_the_labels_size():
    sample = SegDataSample(gt_sem_seg=PixelData(data=torch.zeros(1, 20, 40, dtype=torch.long)))
    row = labeled_image({'inputs': torch.zeros(3, 10, 20), 'data_samples': sample})
    assert row.image.shape == (20, 40, 3)
    with pytest.raises(JointError, match=r'a/b\.png has no label'):
        unlabeled = SegDataSample(metainfo={'img_path': 'a/b.png'})
        labeled_image({'inputs': torch.zeros(3, 10, 20), 'data_samples': unlabeled})


def test_predictions_are_the_models_own_at_the_original_size():
    model = build().eval()
    for layer in (model.decode_head.conv_seg, model.decode_head.score_pool3):
        torch.nn.init.normal_(layer.weight)
    inputs = batch(domains=('target',))['inputs'][0]
    sample = SegDataSample(metainfo={'ori_shape': (32, 48), 'img_shape': (64, 96)})
    found = predict(model, {'inputs': inputs, 'data_samples': sample})
    with torch.no_grad():
        mean, std = model.data_preprocessor.mean, model.data_preprocessor.std
        logits = model.decode_head(model.backbone((inputs.flip(0)[None] - mean) / std))
    logits = torch.nn.functional.interpolate(logits, (32, 48), mode='bilinear')
    np.testing.assert_array_equal(found, logits.argmax(dim=1)[0].numpy())
    assert found.min() >= 0 and found.max() < CLASSES and len(np.unique(found)) > 1
