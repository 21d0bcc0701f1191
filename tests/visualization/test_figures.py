from __future__ import annotations

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

from mmseg_joint.errors import JointError
from mmseg_joint.visualization.figures import choose_images, image_grid, save_figure, to_rgb


def plain_figure() -> Figure:
    figure = Figure(figsize=(2, 1), dpi=50)
    figure.add_subplot().plot([0, 1])
    return figure


@pytest.mark.parametrize('kind', ['png', 'pdf', 'svg'])
def test_written_into_new_folders_without_leftovers(tmp_path, kind):
    path = tmp_path / 'some' / 'folder' / f'figure.{kind}'
    save_figure(plain_figure(), path)
    assert [file.name for file in path.parent.iterdir()] == [f'figure.{kind}']
    if kind == 'png':
        assert Image.open(path).size == (100, 50)


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / 'figure.png'
    save_figure(plain_figure(), path)
    before = path.read_bytes()

    def fail(self, target, **kwargs):
        target.write_bytes(b'half a file')
        raise OSError('the disk is full')

    monkeypatch.setattr(Figure, 'savefig', fail)
    with pytest.raises(JointError, match=r'figure\.png cannot be written \(the disk is full\)'):
        save_figure(plain_figure(), path)
    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_unknown_formats_and_folders_are_refused(tmp_path):
    with pytest.raises(JointError, match=r'figure\.bmp: end its name in \.png, \.pdf, \.svg'):
        save_figure(plain_figure(), tmp_path / 'figure.bmp')
    (tmp_path / 'folder.png').mkdir()
    with pytest.raises(JointError, match='it is a folder'):
        save_figure(plain_figure(), tmp_path / 'folder.png')


@pytest.mark.parametrize('rows, columns', [(1, 2), (3, 5), (2, 9)])
def test_grid_cells_have_the_images_shape_and_never_overlap(rows, columns):
    titles = [f'a rather long name of a model, number {i}' for i in range(columns)]
    figure, grid = image_grid(rows, titles, aspect=0.5, footer=0.4)
    width, height = figure.get_size_inches()
    assert width * figure.dpi >= 1600
    boxes = [axes.get_position() for row in grid for axes in row]
    for box in boxes:
        assert box.height * height == pytest.approx(0.5 * box.width * width)
        assert box.x0 > 0 and box.x1 < 1 and box.y0 * height >= 0.4 and box.y1 < 1
    assert sum(a.overlaps(b) for a in boxes for b in boxes) == len(boxes)

    figure.draw_without_rendering()
    inside = figure.bbox
    headings = [axes.title.get_window_extent() for axes in grid[0]]
    assert all(inside.y1 >= text.y1 for text in headings)
    assert all(a.x1 <= b.x0 for a, b in zip(headings, headings[1:]))


def test_a_name_is_not_parsed_as_a_formula():
    figure, _ = image_grid(1, ['costs $5', r'$\nonsense'], aspect=1, footer=0.1)
    figure.draw_without_rendering()


def test_images_turn_red_first():
    packed = torch.zeros(3, 2, 4)
    packed[2, 0, 1] = 300.0  # red, beyond the range
    packed[0, 1, 3] = 7.0  # blue
    image = to_rgb(packed)
    assert image.shape == (2, 4, 3) and image.dtype == np.uint8
    assert image[0, 1].tolist() == [255, 0, 0]
    assert image[1, 3].tolist() == [0, 0, 7]
    assert image.sum() == 262


def test_images_are_chosen_from_all_parts_of_a_dataset():
    seen = set()
    for seed in range(30):
        chosen = choose_images(11, 3, seed)
        assert [0 <= chosen[0] < 3, 3 <= chosen[1] < 7, 7 <= chosen[2] < 11] == [True] * 3
        assert chosen == choose_images(11, 3, seed)
        seen.update(chosen)
    assert seen == set(range(11))
    assert choose_images(2, 5, 0) == [0, 1]
