from __future__ import annotations

import csv
import json
import re

import numpy as np
import pytest

from mmseg_joint.study.advice import advise, gain_in_words, needed_in_words
from mmseg_joint.study.figure import draw_study
from mmseg_joint.study.report import write_report
from mmseg_joint.study.results import Results
from mmseg_joint.study.statistics import Gain, LabelsNeeded
from mmseg_joint.study.study import read_study
from tests.study.finished import write_finished
from tests.study.logs import trained, validated, write_start

CLEAR = {
    'target': {5: [40.0, 41.0, 42.0], 40: [50.0, 51.0, 52.0]},
    'joint': {5: [41.0, 40.0, 43.5], 40: [50.5, 50.0, 53.0]},
    'hrs': {5: [45.0, 46.1, 47.0], 40: [49.0, 50.1, 51.0]},
}


def advice(folder, scores):
    return ' '.join(advise(Results.read(write_finished(folder, scores))))


def test_a_gain_is_called_one_only_where_its_interval_excludes_zero(tmp_path):
    text = advice(tmp_path, CLEAR)
    assert 'With 5 labeled images, use hrs: +5.0 points (95 %: +4.9 to +5.2) over' in text
    assert 'With 40 labeled images joint is highest (51.2), but +0.2 points' in text
    assert 'may be noise: the interval of 3 seeds includes 0' in text
    assert (
        'Synthetic images by themselves (joint) make no clear difference in these seeds with 5'
        in text
    )
    # halfway between 5 and 40 labels
    assert 'The target alone would need 14 (95 %: 14 to 15) labels for that' in text
    assert 'do not show' not in text and 'seeds narrow' not in text


@pytest.mark.parametrize(
    ('values', 'difference'),
    [([44.0, 47.0, 47.0], '+0.0 points'), ([30.0, 50.0, 41.0], '+5.7 points (95 %: -17.8')],
)
def test_methods_without_a_clear_difference_are_named(tmp_path, values, difference):
    """The second one may even lie below the target alone, with much noise."""
    scores = {name: {5: CLEAR[name][5]} for name in ('target', 'hrs')}
    text = advice(tmp_path, {**scores, 'csa': {5: values}})
    assert f'These runs do not show whether it or csa is better ({difference}' in text


def test_a_method_that_has_only_an_easy_seed_is_not_the_best(tmp_path):
    scores = {
        'target': {5: [60.0, 50.0, 55.0]},
        'joint': {5: [61.0]},
        'hrs': {5: [63.0, 53.1, 58.0]},
    }
    assert 'With 5 labeled images, use hrs: +3.0 points' in advice(tmp_path, scores)


def test_a_method_that_shares_no_seed_with_the_target_alone(tmp_path):
    text = advice(tmp_path, {'target': {5: [40.0, None]}, 'hrs': {5: [None, 45.0]}})
    assert 'With 5 labeled images hrs is highest, but shares no seed with target.' in text


def test_few_seeds_and_no_run_at_all(tmp_path):
    one = {'target': {5: [40.0]}, 'joint': {5: [45.0, 45.0, 45.0]}}
    text = advice(tmp_path / 'one', one)
    assert '+5.0 points over the target alone may be noise: one seed has no interval' in text
    assert 'rest on 1 seed:' in text
    assert advice(tmp_path / 'none', {'target': {}}) == 'No run is finished yet.'
    single = advice(tmp_path / 'single', {'target': {5: [40.0]}})
    assert 'With 5 labeled images only target was run (40.0).' in single
    others = {'hrs': {5: [41.0, 42.0]}, 'joint': {5: [45.0, 44.0, 43.0]}}
    alone = advice(tmp_path / 'alone', others)
    assert 'joint is highest so far (44.0), but no run of target is finished' in alone
    worse = advice(tmp_path / 'worse', {'target': {5: [40.0]}, 'joint': {5: [35.0]}})
    assert 'nothing is above the target alone (40.0)' in worse


def test_without_labels_methods_are_compared_with_the_source_alone(tmp_path):
    none = {'source_0': {0: [30.0, 31.0, 32.0]}, 'strong_0': {0: [38.0, 39.1, 40.0]}}
    text = advice(tmp_path / 'none', {**none, 'maxsquare_0': {0: [20.0, 21.0, 22.0]}})
    assert 'Without labels, use strong: +8.0 points (95 %: +7.9 to +8.2) over the source al' in text
    assert 'is finished' not in text and 'would need' not in text
    text = advice(tmp_path / 'both', {**none, **CLEAR})
    assert text.index('Without labels, use strong') < text.index('With 5 labeled images, use hrs')
    worse = advice(tmp_path / 'worse', {'source_0': {0: [30.0]}, 'strong_0': {0: [20.0]}})
    assert 'Without labels nothing is above the source alone (30.0)' in worse
    alone = advice(tmp_path / 'alone', {'strong_0': {0: [20.0]}})
    assert 'strong is highest so far (20.0), but no run of source is finished' in alone


@pytest.mark.parametrize('number', [10, 11])
def test_many_comparisons_are_pointed_out(tmp_path, number):
    scores = {
        'target': {count: [40.0] for count in range(1, number + 1)},
        'joint': {count: [41.0] for count in range(1, number + 1)},
    }
    found = re.findall(r'Of (\d+) comparisons, one in twenty', advice(tmp_path, scores))
    assert found == (['11'] if number == 11 else [])


def test_synthetic_images_that_hurt(tmp_path):
    scores = {'target': {5: [40.0, 41.0, 42.0]}, 'joint': {5: [37.0, 38.1, 39.0]}}
    assert 'by themselves (joint) hurt with 5 labels.' in advice(tmp_path, scores)


@pytest.mark.parametrize(
    ('needed', 'text'),
    [
        (LabelsNeeded(87.4, 40.2, float('inf'), 12, 367), '87 (95 %: 40 to more than 367)'),
        (LabelsNeeded(None, 200.0, float('inf'), 12, 367, 'above'),
         'more than 367 (95 %: 200 to more than 367)'),
        (LabelsNeeded(None, 0.0, 12.0, 12, 367, 'below'),
         'fewer than 12 (95 %: fewer than 12 to 12)'),
        (LabelsNeeded(20.0, None, None, 12, 367), '20'),
        (LabelsNeeded(20.0, 19.8, 20.3, 12, 367), '20'),
    ],
)  # fmt: skip
def test_labels_needed_in_words(needed, text):
    assert needed_in_words(needed) == text


def test_a_gain_in_words():
    assert gain_in_words(Gain(2.06, 0.44, 3.8, 3)) == '+2.1 points (95 %: +0.4 to +3.8)'
    assert gain_in_words(Gain(-1.0, None, None, 1)) == '-1.0 points'
    assert gain_in_words(Gain(-0.04, None, None, 1)) == '+0.0 points'


def test_the_files_of_a_report(tmp_path):
    unlabeled = {'source': {0: [30.0, 31.0]}, 'ga_0': {0: [33.0, 34.5]}}
    write_finished(tmp_path, {**CLEAR, **unlabeled})
    write_start(tmp_path / 'joint/5/seed9', trained(8), 40, labels=5, seed=9)
    notes = json.loads((tmp_path / 'study.json').read_text())
    notes['unseen'] = ['5 labels, seed 0: no image shows crop.']
    notes['chosen']['hrs'] = ['networks as wide as in the paper']
    (tmp_path / 'study.json').write_text(json.dumps(notes))
    text = write_report(read_study(tmp_path)).read_text(encoding='utf-8')
    row = '| hrs | 5 | 46.0 ± 1.0 | **+5.0 (+4.9 to +5.2)** | **'
    assert row in text
    assert '| joint | 40 (all) | 51.2 ± 1.6 | +0.2' in text
    assert '| ga | 0 | 33.8 ± 1.1 | +3.2 (+0.1 to +6.4) | - | - | 2 |' in text.replace('**', '')
    assert 'With 0 labels the gain is that over source.' in text
    assert f'{tmp_path}/joint/5/seed9: 8 of 40 iterations' in text
    assert '## Classes without a label\n\n- 5 labels, seed 0: no image' in text
    assert 'Chosen for this model and schedule:\n\n- hrs, networks as wide' in text
    (table,) = re.findall(r'## Gain of each class with 5 labels\n\n(.*?)\n\n', text, re.DOTALL)
    assert '| soil | 51.0 | +0.5 | **+5.0** |' in table
    with (tmp_path / 'runs.csv').open() as file:
        (run,) = (r for r in csv.DictReader(file) if r['folder'].endswith('hrs/5/seed1'))
    facts = [run[key] for key in ('mIoU', 'soil', 'crop', 'seconds', 'memory')]
    assert facts == ['46.1', '56.1', '36.1', '0.5', '512.0']
    page = (tmp_path / 'report.html').read_text(encoding='utf-8')
    assert '"text-align:right"><strong>+5.0 (+4.9 to +5.2)</strong></td>' in page
    # otherwise phones shrink the page
    assert '<meta name="viewport" content="width=device-width' in page
    assert re.search(r'<div class="scroll"><img alt="Scores', page)


def test_the_runs_behind_the_saved_labels_are_named(tmp_path):
    def report(name, scores):
        return write_report(write_finished(tmp_path / name, scores)).read_text(encoding='utf-8')

    text = report('even', CLEAR)
    assert 'With 0 labels' not in text
    assert (
        'The labels that target needs are read from:\n\n'
        '- joint (5, 40), hrs (5, 40): 3 seeds of target with 5 and 40 labels.\n\n'
    ) in text
    target = {**CLEAR['target'], 20: [49.0]}
    text = report('uneven', {**CLEAR, 'target': target, 'csa': {5: [44.0, 45.0]}})
    left = 'Left out: 20 labels (1 of these seeds).'
    assert f'- joint (5, 40), hrs (5, 40): 3 seeds of target with 5 and 40 labels. {left}\n' in text
    assert f'- csa (5): 2 seeds of target with 5 and 40 labels. {left}\n' in text
    assert '14 (95 %: 14 to 15) labels for that, read without those with 20 labels.' in text
    assert f'{left}</li>' in (tmp_path / 'uneven/report.html').read_text(encoding='utf-8')
    joint = {5: [45.0, 45.0, 45.0], 40: [51.0, 51.0]}
    text = report('few', {'target': {5: [40.0], 40: [50.0]}, 'joint': joint})
    one = '1 seed of target with 5 and 40 labels. Left out:'
    assert f'- joint (5): {one} seeds 1 and 2 of the method.' in text
    assert f'- joint (40): {one} seed 1 of the method.' in text


def test_a_method_whose_notes_another_call_has_overwritten_is_reported(tmp_path):
    write_finished(tmp_path, CLEAR)
    notes = json.loads((tmp_path / 'study.json').read_text())
    del notes['chosen']['hrs']
    (tmp_path / 'study.json').write_text(json.dumps(notes))
    assert '| hrs | 5 | 46.0 ± 1.0 |' in write_report(read_study(tmp_path)).read_text()


@pytest.mark.parametrize(
    ('target', 'joint', 'row', 'advised'),
    [
        ((0.5, 0.5), (1.0, 0.5, 2.0), '1 (0.5 to 2) | 2.0? | 40 | 4.0', False),
        ((0.5, 1.0), (1.2, 1.2, 1.2), '1.2 | 1.6? | 40 | 2.4', False),
        ((0.5, 0.5), (1.0, 1.2, 1.5), '1.2 | 2.4 | 40 | 3.0', True),
    ],
)
def test_runs_that_differ_in_speed_are_marked(tmp_path, target, joint, row, advised):
    # the runs of target and joint have not logged each class
    study = write_finished(tmp_path, {'target': {5: []}, 'joint': {5: []}, 'hrs': {5: [30.0]}})
    for name, times, miou in (('target', target, 40.0), ('joint', joint, 44.0)):
        for seed, seconds in enumerate(times):
            lines = trained(20, 40, time=seconds, memory=2048 * seconds)
            lines.append(validated(40, miou + seed))
            write_start(tmp_path / f'{name}/5/seed{seed}', lines, 40, labels=5, seed=seed)
    text = write_report(study).read_text(encoding='utf-8')
    assert f'| joint | 5 | {row} |' in text
    assert ('the machine was busy with other things' in text) != advised
    price = re.findall(r'Its training step takes (.*) times as long', text)
    assert price == (['2.4'] if advised else [])


def test_watched_gradients_are_reported(tmp_path):
    study = write_finished(tmp_path, {'target': {5: [40.0]}, 'joint': {5: []}, 'hrs': {5: []}})
    watched = [
        {'gradient.cosine': cosine, 'held_out.cross_entropy': loss, 'step': step}
        for step, (cosine, loss) in enumerate([(0.6, 2.0), (0.4, 1.5), (0.0, 1.2), (-0.4, 1.0)])
    ]
    for name, measured in (('joint', watched), ('hrs', watched[:1])):
        lines = [*measured, *trained(20, 40), validated(40, 44.0)]
        write_start(tmp_path / f'{name}/5/seed0', lines, 40, labels=5)
    text = write_report(study).read_text(encoding='utf-8')
    assert '| joint | 5 | +0.50 | -0.20 | 2.00 | 1.00 |' in text
    assert '| hrs | 5 | +0.60 | - | 2.00 | 2.00 |' in text  # one measurement has no second half
    assert '| target | 5 | +' not in text.split('Do source and target agree?')[1]


def test_the_figure_shows_scores_gains_and_classes(tmp_path):
    results = Results.read(write_finished(tmp_path, CLEAR))
    curves, gains, classes = draw_study(results).axes
    lines = {container.get_label(): container.lines[0] for container in curves.containers}
    assert list(lines) == ['target', 'joint', 'hrs']
    np.testing.assert_allclose(lines['hrs'].get_xydata()[:, 1], [46.033, 50.033], atol=1e-3)
    hrs = gains.containers[-1]
    (low, high), _ = (segment[:, 1] for segment in hrs.lines[2][0].get_segments())
    # Student's interval, not one deviation
    assert (low, high) == pytest.approx((4.89, 5.18), abs=0.01)
    (image,) = classes.images
    shown = image.get_array().filled()[1].astype(float)
    np.testing.assert_allclose(shown, [5.033, 5.033], atol=1e-3)
    red, blue = (image.cmap(image.norm(gain))[::2] for gain in (-5.0, 5.0))
    assert red[0] > red[1] and blue[1] > blue[0]
    bold = [text.get_text() for text in classes.texts if text.get_weight() == 'bold']
    assert bold[:2] == ['+5.0', '+5.0']


def test_bars_of_one_number_of_labels_name_what_is_drawn(tmp_path):
    scores = {name: {5: values[5]} for name, values in CLEAR.items()}
    scores['csa'] = {5: [44.0, 41.0]}  # an interval of 25 points on each side
    _, gains, _ = draw_study(Results.read(write_finished(tmp_path, scores))).axes
    assert gains.get_xlabel() == 'points over target,\nseeds, mean, 95 % interval'
    assert gains.get_xlim() == pytest.approx((-3 * 5.1, 3 * 5.1))
