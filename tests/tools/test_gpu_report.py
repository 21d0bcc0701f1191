"""tools/gpu_report.py: its parts at a tiny size, their time limits, its table's verdicts."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace

import pytest

from mmseg_joint.benchmark import gpu, photographs
from mmseg_joint.benchmark.gpu_table import as_markdown
from mmseg_joint.benchmark.settings import Settings
from tests.tools.loading import load_tool

STEP = dict(steps_per_s=2.0, images_per_s=4.0, spread=0.05, host_waits={'a': 2, 'b': 1})
STEP['peak_memory'] = 3 * 2**30
TINY = '--tiny --size 64 48 --steps 1 --warmup 1 --seconds 0.01 --workers 0'
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


def measured(part, tmp_path, *flags):
    """Measure a part as the tool does, with one tiny step, and return its numbers."""
    out = tmp_path / 'numbers.json'
    gpu.main([part, *flags, *TINY.split(), '--folder', str(tmp_path / 'data'), '--json', str(out)])
    return json.loads(out.read_text())


def test_steps_are_measured_in_every_form(tmp_path):
    found = measured('steps', tmp_path, '--config', 'hrs_fcn8s_gta_city')
    assert [row['variant'] for row in found['rows']] == list(gpu.VARIANTS)
    factor = found['joint_flops'] / found['plain_flops']
    assert factor > 1
    for row in found['rows']:
        rates = [row[key]['steps_per_s'] for key in ('plain', 'joint')]
        assert row['of_prediction'] == pytest.approx(rates[0] / rates[1] / factor)
        assert row['joint']['images_per_s'] == pytest.approx(2 * rates[1])


def test_a_form_that_fails_leaves_the_others(tmp_path, monkeypatch):
    def fail_in_bf16(cfg, settings, *_):
        if settings.dtype == 'bfloat16':
            raise RuntimeError('no kernel\nat line 3')
        return {'joint': {'steps_per_s': 1.0}}

    monkeypatch.setattr(gpu, '_variant', fail_in_bf16)
    first, *others = measured('steps', tmp_path)['rows']
    assert first == {'variant': 'float32 (tf32)', 'joint': {'steps_per_s': 1.0}}
    assert [row['error'] for row in others] == ['RuntimeError: no kernel'] * 2


@pytest.mark.parametrize('part', ['waiting', 'loading'])
def test_loaders_are_measured_with_every_kind_of_file(tmp_path, monkeypatch, part):
    monkeypatch.setattr(photographs, 'SIZES', {})
    monkeypatch.setattr(photographs, 'CITYSCAPES_SIZE', (96, 64))
    found = measured(part, tmp_path)
    forms = [found[form] for form in ('png', 'resized png', 'resized jpeg')]
    if part == 'loading':
        assert min(forms) > 0
        return
    for one in forms:
        assert one['steps_per_s'] > 0 and 0 < one['next_seconds'] < 1 / one['steps_per_s']
    # beside the steps in memory just before and after
    assert forms[0]['waiting'] < 1 and found['in_memory_steps_per_s'] > 0


@pytest.mark.parametrize(('seconds', 'steps'), [(0.0, 6), (36.0, 18)])
def test_the_rate_is_the_median_of_three(monkeypatch, seconds, steps):
    clock, third = SimpleNamespace(now=0.0, steps=0), steps // 3

    def step():
        timed = clock.steps - 3  # after two to warm up and one to choose how many
        lengths = [1.0, 2.0, 4.0]
        clock.now += 2.0 if timed == -1 else 99.0 if timed < 0 else lengths[timed // third]
        clock.steps += 1

    monkeypatch.setattr(gpu, 'time', SimpleNamespace(perf_counter=lambda: clock.now))
    settings = Settings(steps=6, warmup=2, device='cpu')
    found = gpu.free_running(step, settings, seconds)
    assert clock.steps == 3 + steps
    assert found == dict(steps_per_s=0.5, spread=1.5, steps=steps, peak_memory=None)


WRITE = 'import sys, time; open(sys.argv[-1], "w").write("{}"); print("begun", flush=True); '


def test_a_part_out_of_time_keeps_its_numbers_and_the_next_one_starts(tmp_path, monkeypatch):
    tool = load_tool('gpu_report')
    commands = {'endless': 'time.sleep(99)', 'broken': 'sys.exit(3)', 'good': '', 'late': ''}
    limits = {'endless': 2, 'broken': 60, 'good': 60, 'late': 60}
    monkeypatch.setattr(tool, 'PARTS', {name: (name, limit) for name, limit in limits.items()})
    monkeypatch.setattr(
        tool,
        'command_of',
        lambda name, *_: [sys.executable, '-c', WRITE + commands[name]],
    )
    tool.main([str(tmp_path), '--only', 'endless', 'broken', 'good'])
    parts = json.loads((tmp_path / 'report.json').read_text())['parts']
    assert {name: part['status'] for name, part in parts.items()} == {
        'endless': 'ended after 2 s',
        'broken': 'failed with status 3',
        'good': 'done',
    }
    assert all(part['numbers'] == {} and part['tail'] == ['begun'] for part in parts.values())
    tool.main([str(tmp_path), '--minutes', '0', '--only', 'late'])
    text = (tmp_path / 'report.md').read_text()
    assert '| late | no time left |' in text


def test_an_unknown_part_is_refused(tmp_path, capsys):
    """Instead of showing an earlier report as if it were new."""
    (tmp_path / 'report.md').write_text('an earlier report')
    with pytest.raises(SystemExit, match='2'):
        load_tool('gpu_report').main([str(tmp_path), '--only', 'stpes hrs', '--tiny'])
    said, errors = capsys.readouterr()
    assert "invalid choice: 'stpes hrs'" in errors and not said
