from __future__ import annotations

import numpy as np
import pytest
from matplotlib.container import BarContainer

from mmseg_joint.errors import JointError
from mmseg_joint.study.cells import Selection, measure
from mmseg_joint.tables.figure import draw_table
from tests.study.logs import trained, write_run, write_start


def drawn(table, root, scale, **choice):
    figure = draw_table(table, measure(table, root, Selection(scale, **choice)), scale)
    return figure.axes[0]


def test_a_bar_with_its_deviation_and_the_number_of_the_paper(tables, tmp_path):
    for seed, value in enumerate((60.0, 64.0)):
        write_run(tmp_path / f'fcn8s_city/2975/seed{seed}', value, labels=None, seed=seed)
    write_start(tmp_path / 'joint_fcn8s_gta_city/2975/seed0', trained(50), labels=None)
    axes = drawn(tables['hrs1'], tmp_path, 'paper')
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert len(names) == 14
    (bars,) = (c for c in axes.containers if isinstance(c, BarContainer))
    (bar,) = bars
    assert bar.get_width() == 62.0
    assert names[round(bar.get_y() + bar.get_height() / 2)] == 'FCN (2)'
    (segment,) = bars.errorbar.lines[2][0].get_segments()
    np.testing.assert_allclose(segment[:, 0], 62 + np.std([60, 64], ddof=1) * np.array([-1, 1]))
    (markers,) = (line for line in axes.lines if line.get_label() == 'paper')
    place = names.index('Ours with W^19')
    assert dict(zip(markers.get_ydata(), markers.get_xdata()))[place] == 68.1
    assert axes.get_xlim() == (0, pytest.approx(1.05 * max(markers.get_xdata())))


def test_elsewhere_the_paper_is_not_drawn_nor_rows_without_a_run(tables, tmp_path):
    write_run(tmp_path / 'squeezenet_camvid/12/seed0', 44.0)
    axes = drawn(tables['hrs1'], tmp_path, 'camvid')
    assert [label.get_text() for label in axes.get_yticklabels()] == ['FCN']
    assert not [line for line in axes.lines if line.get_label() == 'paper']


def test_elsewhere_the_gains_stand_beside_the_bars(tables, tmp_path):
    for seed, value in enumerate((40.0, 50.0)):
        write_run(tmp_path / f'joint_squeezenet_streets_camvid/12/seed{seed}', value, seed=seed)
    for seed, value in enumerate((39.0, 53.0, 60.0)):  # the last has no partner
        write_run(tmp_path / f'gan_squeezenet_streets_camvid/12/seed{seed}', value, seed=seed)
    axes = drawn(tables['hrs1'], tmp_path, 'camvid')
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        'Direct Joint Training (2)',
        'FCN+GAN (3)',
    ]
    (beside,) = (other for other in axes.figure.axes if other is not axes)
    assert axes.get_ylim() == beside.get_ylim()
    longest = np.mean([39, 53, 60]) + np.std([39, 53, 60], ddof=1)
    assert axes.get_xlim() == (0, pytest.approx(1.05 * longest))
    (container,) = beside.containers
    caps = container.lines[1]
    marks = [line for line in beside.lines if line.get_marker() == '|' and line not in caps]
    assert [line.get_xydata().tolist() for line in marks] == [[], [[-1, 1], [3, 1]]]
    assert container.lines[0].get_xydata().tolist() == [[1, 1]]
    (segment,) = container.lines[2][0].get_segments()
    np.testing.assert_allclose(segment[:, 0], 1 + np.sqrt(8) * np.array([-1, 1]))


def test_over_several_numbers_of_labels_it_is_a_curve(tables, tmp_path):
    for labels, value in ((6, 40.0), (46, 55.0)):
        for seed in (0, 1):
            folder = tmp_path / f'ga_squeezenet_streets_camvid/{labels}/seed{seed}'
            write_run(folder, value + 2 * seed, labels=labels, seed=seed)
    write_run(tmp_path / 'squeezenet_camvid/46/seed0', 52.0, labels=46)
    axes = drawn(tables['ass1'], tmp_path, 'camvid')
    curves = {container.get_label(): container for container in axes.containers}
    assert list(curves) == ['Oracle', 'GA']
    points = curves['GA'].lines[0].get_xydata()
    np.testing.assert_allclose(points[:, 0], [6, 46], rtol=0.05)  # side by side, but close to it
    np.testing.assert_array_equal(points[:, 1], [41, 56])
    assert curves['Oracle'].lines[0].get_xdata()[0] < points[1, 0]
    spread = curves['GA'].lines[2][0].get_segments()[0][:, 1]
    np.testing.assert_allclose(spread, 41 + np.sqrt(2) * np.array([-1, 1]))
    assert [label.get_text() for label in axes.get_xticklabels()] == ['6', '46']


def test_the_gains_stand_beside_the_curves(tables, tmp_path):
    for labels, gain in ((6, 3.0), (46, -1.0)):
        for seed, value in enumerate((40.0, 50.0)):
            chosen = dict(labels=labels, seed=seed)
            write_run(tmp_path / f'squeezenet_camvid/{labels}/seed{seed}', value, **chosen)
            folder = tmp_path / f'ga_squeezenet_streets_camvid/{labels}/seed{seed}'
            write_run(folder, value + gain * (1 + seed), **chosen)
    # no partner, so no gain
    write_run(tmp_path / 'ga_squeezenet_streets_camvid/12/seed0', 60.0, labels=12)
    axes = drawn(tables['ass1'], tmp_path, 'camvid')
    (beside,) = (other for other in axes.figure.axes if other is not axes)
    assert axes.get_xlim() == beside.get_xlim()
    (container,) = beside.containers
    points = container.lines[0].get_xydata()
    np.testing.assert_allclose(points[:, 1], [4.5, -1.5])
    np.testing.assert_allclose(points[:, 0], [6, 46], rtol=0.05)
    first, second = (segment[:, 1] for segment in container.lines[2][0].get_segments())
    np.testing.assert_allclose(first, 4.5 + np.sqrt(4.5) * np.array([-1, 1]))
    np.testing.assert_allclose(second, -1.5 + np.sqrt(0.5) * np.array([-1, 1]))
    drawn_points = [line.get_xydata()[:, 1].tolist() for line in beside.lines]
    assert [3, 6, -1, -2] in drawn_points


def test_the_curves_of_the_paper(tables):
    axes = drawn(tables['ass1'], None, 'paper')
    papers = {line.get_label(): line for line in axes.lines}
    assert papers['GA, paper'].get_xydata()[0].tolist() == [0, 42.4]
    assert papers['GA, paper'].get_xydata()[-1].tolist() == [2975, 59.71]
    assert papers['GA+CSA, paper'].get_xydata()[0].tolist() == [50, 50.1]


def test_nothing_to_draw(tables, tmp_path):
    with pytest.raises(JointError, match='ass1 has no finished run at the scale "camvid"'):
        drawn(tables['ass1'], tmp_path, 'camvid')
