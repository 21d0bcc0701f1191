from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from mmseg_joint.visualization.contact_sheet import draw_sheet, to_array, to_png
from mmseg_joint.visualization.predictions import paint

METAINFO = {
    'classes': ('road', 'sky', 'car'),
    'palette': [[10, 20, 30], [40, 50, 60], [70, 80, 90]],
}
LABELS = np.array([[0, 0, 1, 1], [0, 0, 1, 255]])
PREDICTION = np.array([[0, 0, 1, 1], [0, 1, 1, 1]])
PSEUDO = np.array([[0, -1, -1, -1], [2, -1, -1, -1]])
VALUES = np.array([[0.5, 0.25, 0, 1], [np.nan, np.nan, np.nan, np.nan]])


def inspection():
    return {
        'image': np.arange(24, dtype=np.uint8).reshape(2, 4, 3),
        'label': LABELS,
        'prediction': PREDICTION,
        'confidence': VALUES,
        'semi: pseudo-label': PSEUDO,
        'gan: $a rather long title of a map': np.full((2, 4), np.nan),
    }


def draw(**changes):
    return draw_sheet({**inspection(), **changes}, 'source, sample 0', METAINFO, 'a/b.png')


def test_each_panel_has_its_title_and_number():
    *panels, _ = draw().axes
    assert [axes.get_title() for axes in panels] == list(inspection())
    said = [axes.get_xlabel() for axes in panels]
    # road 3 of 4, sky 3 of 4 where there is a label
    assert said == ['', '', 'mIoU 75.0', 'mean 0.44', '25 % of the pixels', 'nowhere']
    without = {key: value for key, value in inspection().items() if key != 'label'}
    assert draw_sheet(without, '', METAINFO).axes[1].get_xlabel() == ''


def test_classes_have_their_colors_and_all_maps_one_scale():
    panels = draw(other=VALUES / 2).axes
    for place, classes in ((1, LABELS), (2, PREDICTION), (4, PSEUDO)):
        drawn = panels[place].images[0].get_array()
        np.testing.assert_array_equal(drawn, paint(classes, METAINFO['palette']))
    first, second = panels[3].images[0], panels[6].images[0]
    assert first.get_clim() == second.get_clim() == (0, 1)
    assert first.cmap(0.25) == second.cmap(0.25)
    assert first.to_rgba(first.get_array())[1, 0].tolist() == [0.75, 0.75, 0.75, 1]
    bar = panels[-1]
    assert [text.get_text() for text in bar.get_xticklabels()] == ['0', '¼', '½', '¾', '1']


def test_the_legend_names_the_classes_that_occur():
    def names(**changes):
        legends = draw(**changes).legends
        return [text.get_text() for text in legends[-1].get_texts()]

    assert names() == ['road', 'sky', 'car', 'no label']
    nothing = np.zeros((2, 4), dtype=int)
    alone = {'label': nothing, 'prediction': nothing, 'semi: pseudo-label': nothing}
    assert names(**alone) == ['road']


@pytest.mark.parametrize('shape', [(8, 32), (32, 8)])
@pytest.mark.parametrize('count', [1, 4, 9])
def test_nothing_overlaps(shape, count):
    panels = {f'weighting: map {number}': np.random.rand(*shape) for number in range(count)}
    panels['label'] = np.arange(np.prod(shape)).reshape(shape) % 20
    names = [f'traffic light {number}' for number in range(20)]
    meta = {'classes': names, 'palette': [[number] * 3 for number in range(20)]}
    figure = draw_sheet(panels, 'unlabeled, sample 1, iteration 120000', meta, 'folder/' * 30)
    figure.draw_without_rendering()
    *images, bar = figure.axes
    boxes = [axes.get_tightbbox() for axes in figure.axes]
    boxes += [item.get_window_extent() for item in (*figure.texts, *figure.legends)]
    assert sum(a.overlaps(b) for a in boxes for b in boxes) == len(boxes)
    for box in boxes:
        assert box.x0 >= 0 and box.x1 <= figure.bbox.x1 and box.y0 >= 0
        assert box.y1 <= figure.bbox.y1
    for axes in images:
        box = axes.get_window_extent()
        assert box.height / box.width == pytest.approx(shape[0] / shape[1])
    assert bar.get_window_extent().y1 < min(axes.get_window_extent().y0 for axes in images)


def test_the_file_shows_the_figure():
    figure = draw()
    sheet = to_array(figure)
    width, height = figure.get_size_inches() * figure.dpi
    assert sheet.shape == (int(height), int(width), 3)
    box = figure.axes[1].get_window_extent()
    middle = int(height - box.y0 - box.height * 0.75), int(box.x0 + box.width / 8)
    assert sheet[middle].tolist() == [10, 20, 30]
    np.testing.assert_array_equal(np.array(Image.open(io.BytesIO(to_png(sheet)))), sheet)
