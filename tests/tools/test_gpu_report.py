"""The table of tools/gpu_report.py: which targets it checks, and what a rehearsal leaves open."""

from __future__ import annotations

import pytest

from mmseg_joint.benchmark.gpu_table import as_markdown

STEP = dict(steps_per_s=2.0, images_per_s=4.0, spread=0.05, host_waits={'a': 2, 'b': 1})
STEP['peak_memory'] = 3 * 2**30
FAST = {**STEP, 'images_per_s': 6.0, 'host_waits': {'a': 3}}


def report(rehearsal):
    row = dict(variant='bf16', joint=STEP, plain=STEP, of_prediction=1.25)
    rows = [row, dict(variant='compiled', joint=FAST), dict(variant='broken', error='no memory')]
    parts = {
        'steps hrs': dict(numbers=dict(config='hrs', size=(8, 4), rows=rows)),
        'sequential': dict(
            numbers=dict(
                ga=dict(
                    ratios={'ga, float32': dict(median=0.9, low=0.8, high=0.95)},
                    targets={'ga, float32': 0.9},
                )
            )
        ),
        'waiting': dict(
            numbers=dict(
                workers=2,
                in_memory_steps_per_s=3.0,
                png=dict(steps_per_s=1.5, waiting=0.5, next_seconds=0.002),
            )
        ),
        'loading': dict(status='ended after 9 s', numbers=dict(workers=2, size=(8, 4), png=30.0)),
    }
    machine = dict(device='card', torch='2', python='3', rehearsal=rehearsal)
    return dict(machine=machine, parts={n: {'status': 'done', **p} for n, p in parts.items()})


def test_a_gpu_report_shows_verdicts():
    text = as_markdown(report(rehearsal=False))
    assert '| bf16 | 2.00 | 4.0 | 5.0 % | 3.00 | 2.00 | 1.250 (missed, 1.1) | 3 |' in text
    assert '| broken | no memory |' in text
    assert '| 0.900 | 0.800-0.950 | 0.9 (met) |' in text
    assert '| png | 1.50 | 50.0 % (missed, 0.05) | 2.0 |' in text
    assert '| loading | ended after 9 s |  |' in text
    assert '| png | 30.0 |\n| HRS eats at most | 6.0 |' in text
    assert '| `a` | 3 |\n| `b` | 1 |' in text
    assert 'rehearsal' not in text


@pytest.mark.parametrize('word', ['(met', '(missed'])
def test_a_rehearsal_shows_none(word):
    text = as_markdown(report(rehearsal=True))
    assert 'these numbers say nothing about a GPU' in text
    assert word not in text
    assert '| 1.250 | 3 |' in text
