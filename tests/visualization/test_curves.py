from __future__ import annotations

import numpy as np
import pytest

from mmseg_joint.errors import JointError
from mmseg_joint.visualization.curves import draw_curves, running_mean, short_number
from mmseg_joint.visualization.figures import save_figure

STEPS = np.array([1000, 2000, 3000])


def series(*values):
    return STEPS, np.array(values, dtype=float)


def seed(shift: float) -> dict:
    return {
        'source.decode.loss_ce': series(3 + shift, 2, 1),
        'target.decode.loss_ce': series(4 + shift, 3, 2),
        'weighting.mean_weight': series(0.5, 0.4, 0.6),
        'gan.loss_encoder': series(0.001, 0.001, 0.001),
        'gan.loss_discriminator': series(1.4, 1.3, 1.2),
        'gan.loss_reconstruction': series(0.02, 0.02, 0.02),
        'gan.accuracy_real': series(0.5, 0.6, 0.7),
        'mIoU': series(30 + shift, 40, 50 - shift),
    }


RUNS = {
    'HRS': [seed(0), seed(2)],
    'FCN': [{'decode.loss_ce': series(5, 4, 3), 'mIoU': series(1, 2, 3)}],
}


def panels(figure):
    return {axes.get_title(loc='left'): axes for axes in figure.axes}


def curves(axes):
    return {line.get_gid(): line for line in axes.lines if line.get_gid()}


def test_a_panel_for_each_kind_of_value():
    assert list(panels(draw_curves(RUNS))) == [
        'supervised loss',
        'mean weight of source pixels',
        'adversarial losses',
        'adversarial loss of the segmentor',
        'accuracy of the discriminator',
        'validation mIoU (%)',
    ]


def test_logs_without_any_value_to_draw_are_refused():
    with pytest.raises(JointError, match=r'of a, b: no loss, .* mIoU'):
        draw_curves({name: [{'mFscore': (np.array([1]), np.array([0.5]))}] for name in 'ab'})


def test_a_value_that_was_logged_once_is_visible():
    once = {'source_mix.decode.loss_ce': (np.array([3000]), np.array([0.5]))}
    axes = panels(draw_curves({'strong': [{**seed(0), **once}]}))['supervised loss']
    markers = [line.get_marker() for line in curves(axes).values()]
    assert sorted(markers) == ['None', 'None', 'o']


def test_curves_hold_the_logged_values():
    found = panels(draw_curves(RUNS))
    losses = curves(found['supervised loss'])
    assert set(losses) == {'HRS/source', 'HRS/target', 'FCN/target'}
    assert losses['HRS/source'].get_xdata().tolist() == STEPS.tolist()
    assert losses['HRS/source'].get_ydata().tolist() == [4, 2, 1]  # the mean of 3, 2, 1 and 5, 2, 1
    assert losses['FCN/target'].get_ydata().tolist() == [5, 4, 3]
    assert losses['HRS/target'].get_color() != losses['FCN/target'].get_color()
    assert losses['HRS/target'].get_linestyle() == losses['FCN/target'].get_linestyle()
    assert losses['HRS/target'].get_linestyle() != losses['HRS/source'].get_linestyle()


def test_seeds_are_a_band_from_smallest_to_largest():
    validation = panels(draw_curves(RUNS))['validation mIoU (%)']
    assert curves(validation)['HRS/mIoU'].get_ydata().tolist() == [31, 40, 49]
    (band,) = validation.collections  # FCN has one seed, so no band
    corners = {tuple(corner) for corner in band.get_paths()[0].vertices.tolist()}
    assert corners == {(1000, 30), (1000, 32), (2000, 40), (3000, 50), (3000, 48)}


def test_axes_fit_their_values():
    found = panels(draw_curves(RUNS))
    assert found['adversarial losses'].get_yscale() == 'log'
    assert found['supervised loss'].get_yscale() == 'linear'
    assert found['accuracy of the discriminator'].get_ylim() == (-0.02, 1.02)
    flat = draw_curves({'HRS': [{'maxsquare.loss_target': series(1, 1.001, 1.002)}]}).axes[0]
    assert flat.get_ylim() == pytest.approx((0.951, 1.051), abs=1e-3)  # a tenth of the middle
    rising = draw_curves({'HRS': [{'mIoU': series(0.5, 1, 1), 'mIoU_16': series(50, 60, 70)}]})
    assert rising.axes[0].get_yscale() == 'linear'


def test_names_and_line_styles_are_in_the_legend():
    figure = draw_curves(RUNS)
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ['HRS (2 seeds)', 'FCN']
    legend = panels(figure)['adversarial losses'].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ['discriminator', 'reconstruction']
    assert panels(figure)['mean weight of source pixels'].get_legend() is None
    two = {f'{name}.loss_encoder': series(1, 1, 1) for name in ('first', 'second')}
    two |= {f'{name}.loss_discriminator': series(1, 1, 1) for name in ('first', 'second')}
    for axes in draw_curves({'HRS': [two]}).axes:
        names = {text.get_text().split()[0] for text in axes.get_legend().get_texts()}
        assert names == {'first', 'second'}


def test_losses_are_smoothed_on_request_but_validation_never():
    found = panels(draw_curves({'FCN': RUNS['FCN']}, smooth=3))
    assert curves(found['supervised loss'])['FCN/target'].get_ydata().tolist() == [4.5, 4, 3.5]
    assert curves(found['validation mIoU (%)'])['FCN/mIoU'].get_ydata().tolist() == [1, 2, 3]


def test_a_long_curve_keeps_sixty_points():
    steps, values = np.arange(190), np.random.RandomState(0).rand(190)
    (axes,) = draw_curves({'FCN': [{'decode.loss_ce': (steps, values)}]}).axes
    expected = running_mean(values, 3)
    np.testing.assert_array_equal(curves(axes)['FCN/target'].get_ydata(), expected)


@pytest.mark.parametrize('window', [1, 2, 3, 4, 9, 50])
def test_running_mean_equals_its_definition(window):
    values = np.random.RandomState(0).rand(7)
    half = (min(window, 7) - 1) // 2
    wanted = [np.mean([values[j] for j in range(7) if abs(i - j) <= half]) for i in range(7)]
    np.testing.assert_allclose(running_mean(values, window), wanted)


def test_numbers_have_three_digits():
    numbers = (20_000, 1000, 999.6, 999, 0.01, 0.0007089, -0.002, 0, -1500)
    texts = ('20k', '1k', '1k', '999', '0.01', '7.09e-4', '-2e-3', '0', '-1.5k')
    assert tuple(map(short_number, numbers)) == texts


def test_running_mean_ignores_nan():
    values = np.array([1, np.nan, 3, np.inf, np.nan, np.nan, 5])
    expected = [1, 2, 3, 3, np.nan, 5, 5]
    np.testing.assert_array_equal(running_mean(values, 3), expected)


def test_no_text_overlaps_or_leaves_the_figure(tmp_path):
    runs = {
        f'a run with a long name {i}': [{**seed(i), 'mIoU_16': seed(0)['mIoU']}] for i in range(6)
    }
    figure = draw_curves(runs)
    save_figure(figure, tmp_path / 'curves.png')
    boxes = [axes.get_tightbbox() for axes in figure.axes] + [figure.legends[0].get_tightbbox()]
    assert sum(a.overlaps(b) for a in boxes for b in boxes) == len(boxes)
    last = figure.axes[-1]
    texts = [last.xaxis.label, *last.xaxis.get_ticklabels(), last.get_legend()]
    tops = [text.get_tightbbox() for text in texts]
    assert tops[0].y1 <= min(box.y0 for box in tops[1:-1]) and tops[-1].y1 <= tops[0].y0
    assert all(figure.bbox.contains(*corner) for box in boxes for corner in box.corners())


def test_the_last_panel_fills_its_row():
    figure = draw_curves({'FCN': [{key: seed(0)[key] for key in list(seed(0))[2:]}]})
    figure.draw_without_rendering()
    rows = [axes.get_subplotspec() for axes in figure.axes]
    assert [(spec.rowspan.start, len(spec.colspan)) for spec in rows] == [
        *[(0, 1)] * 3,
        (1, 1),
        (1, 2),
    ]
