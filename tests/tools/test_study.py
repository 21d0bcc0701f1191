"""`tools/study.py` as a user calls it."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import redirect_stderr

import pytest
import torch
from mmengine.config import Config
from PIL import Image

from mmseg_joint.errors import JointError
from mmseg_joint.study.training import LOG
from tests.study.tiny_base import write_base
from tests.tiny_configs import ROOT
from tests.tools.loading import load_tool, train_here

STUDY = ROOT / 'tools/study.py'


@pytest.fixture
def main(monkeypatch):
    """Return the tool, with its runs trained in this process."""
    tool = load_tool('study')

    def train(job):
        job.folder.mkdir(parents=True, exist_ok=True)
        with (job.folder / LOG).open('a', encoding='utf-8') as log, redirect_stderr(log):
            return train_here(monkeypatch, job)

    monkeypatch.setattr(tool, 'start_process', lambda *_: train)
    monkeypatch.setattr('mmseg_joint.study.training.POLL', 0)
    return lambda *arguments: tool.main([str(argument) for argument in arguments])


def test_a_study_is_run_extended_and_reported(main, roots, tmp_path, capsys):
    base, folder = write_base(roots, tmp_path), tmp_path / 'study'
    study = ('--work-dir', folder)
    chosen = (base, *study, '--methods', 'target', 'joint', '--labels', 2, '--seeds', 0, 1)
    main(*chosen)
    said = capsys.readouterr().out
    assert '0 of 4 runs are finished' in said
    text = (folder / 'report.md').read_text(encoding='utf-8')
    assert text in said
    rows = re.findall(r'^\| (\w+) \| 2 \| ([\d.]+) ± .* \| 2 \|$', text, re.MULTILINE)
    assert [name for name, _ in rows] == ['target', 'joint']
    with (folder / 'runs.csv').open() as file:
        runs = list(csv.DictReader(file))
    assert [(run['method'], run['seed']) for run in runs] == [
        *(('target', '0'), ('target', '1'), ('joint', '0'), ('joint', '1'))
    ]
    for name, mean in rows:
        own = [float(run['mIoU']) for run in runs if run['method'] == name]
        assert float(mean) == pytest.approx(sum(own) / 2, abs=0.051)
    classes = [float(value) for key, value in runs[0].items() if key == 'sky' and value]
    assert all(0 <= value <= 100 for value in classes)
    assert '## Gain of each class with 2 labels' in text
    assert Image.open(folder / 'report.png').width == 1600
    page = (folder / 'report.html').read_text(encoding='utf-8')
    assert 'src="data:image/png;base64,' in page
    assert not re.search(r'(src|href)="(?!data:)', page)

    # more labels and another method: existing runs and notes stay
    notes = json.loads((folder / 'study.json').read_text(encoding='utf-8'))
    notes['unseen'] = ['2 labels, seed 1: no labeled image shows sky.']
    (folder / 'study.json').write_text(json.dumps(notes), encoding='utf-8')
    main(base, *study, '--methods', 'source', 'target', '--labels', 2, 'all', '--seeds', 0)
    said = capsys.readouterr().out
    assert '1 of 3 runs are finished' in said
    notes = json.loads((folder / 'study.json').read_text(encoding='utf-8'))
    assert list(notes['chosen']) == ['target', 'joint', 'source']
    assert notes['unseen'] == ['2 labels, seed 1: no labeled image shows sky.']
    text = (folder / 'report.md').read_text(encoding='utf-8')
    assert '| target | 3 (all) |' in text
    assert '| source | 0 |' in text
    assert '| joint | 2 |' in text

    # the report alone, without the base config
    (folder / 'report.md').unlink()
    base.unlink()
    main(*study)
    assert (folder / 'report.md').read_text(encoding='utf-8') == text


def test_a_failing_run_is_reported_and_the_others_continue(main, roots, tmp_path, capsys):
    base, folder = write_base(roots, tmp_path), tmp_path / 'study'
    chosen = (base, '--work-dir', folder, '--labels', 2, '--seeds', 0, '--methods')
    main(*chosen, 'joint', '--dry-run')
    label = next((roots['GTADataset'] / 'labels').glob('*.png'))
    whole = label.read_bytes()
    label.write_bytes(b'')
    with pytest.raises(JointError, match=r'1 run failed: look at .*joint/2/seed0/train\.log'):
        main(*chosen, 'target', 'joint')
    assert '[2/2] failed: ' in capsys.readouterr().out
    text = (folder / 'report.md').read_text(encoding='utf-8')
    assert '| target | 2 |' in text
    assert '| joint |' not in text
    label.write_bytes(whole)
    main(*chosen, 'target', 'joint')
    assert '1 of 2 runs are finished' in capsys.readouterr().out
    assert '| joint | 2 |' in (folder / 'report.md').read_text(encoding='utf-8')


def test_values_of_the_base_config_are_changed_for_all_methods(main, roots, tmp_path):
    base, folder = write_base(roots, tmp_path), tmp_path / 'study'
    study = (base, '--work-dir', folder, '--methods', 'source', 'joint', '--labels', 2)
    loader = 'train_dataloader'
    samples = f'{loader}.sampler.samples_per_domain.source=3'
    main(*study, '--dry-run', '--cfg-options', samples, f'{loader}.batch_size=5')
    for name, size in ('source', 3), ('joint', 5):
        loader = Config.fromfile(folder / f'configs/{name}.py').train_dataloader
        assert loader.sampler.samples_per_domain.source == 3
        assert loader.batch_size == size


def test_runs_with_other_options_are_not_mixed(main, roots, tmp_path, capsys):
    base, folder = write_base(roots, tmp_path), tmp_path / 'study'
    study = (base, '--work-dir', folder, '--labels', 2, '--seeds', 0, '--methods')
    root = f'train_dataloader.dataset.domains.source.data_root={roots["GTADataset"]}'
    main(*study, 'joint', '--cfg-options', root)
    assert f'Changed in it: `{root}`.' in (folder / 'report.md').read_text(encoding='utf-8')
    with pytest.raises(JointError, match=rf'has runs with --cfg-options {root}: give the same'):
        main(*study, 'joint', '--cfg-options', f'{root}/')
    with pytest.raises(JointError, match='has runs with --cfg-options'):
        main(*study, 'source')
    main(*study, 'source', '--cfg-options', root)
    capsys.readouterr()
    plain = tmp_path / 'plain'
    main(base, '--work-dir', plain, '--labels', 2, '--seeds', 0, '--methods', 'source')
    with pytest.raises(JointError, match='has runs without --cfg-options: give the same'):
        main(base, '--work-dir', plain, '--methods', 'source', '--cfg-options', root)
    shutil.rmtree(plain / 'source')
    (plain / 'source/seed0').mkdir(parents=True)  # as a run that failed before its first step
    main(base, '--work-dir', plain, '--methods', 'source', '--dry-run', '--cfg-options', root)


@pytest.mark.parametrize(
    ('option', 'remedy'),
    [
        ('model.objectives.x=None', r'tools/train\.py'),
        ('train_cfg.max_iters=9', '--iterations'),
        ('randomness.seed=7', '--seeds'),
        ('train_dataloader.dataset.domains.target.count=1', '--labels'),
        ('work_dir=x', '--work-dir'),
    ],
)
def test_options_that_the_study_sets_are_refused(main, roots, tmp_path, option, remedy):
    base = write_base(roots, tmp_path)
    with pytest.raises(JointError, match=f'--cfg-options {option.split("=")[0]}: .*{remedy}'):
        main(base, '--work-dir', tmp_path / 'study', '--dry-run', '--cfg-options', option)
    with pytest.raises(JointError, match='changes a base config'):
        main('--work-dir', tmp_path / 'study', '--cfg-options', option)


def test_a_study_whose_runs_all_fail_alike_stops_at_the_second(main, roots, tmp_path, capsys):
    base, folder = write_base(roots, tmp_path), tmp_path / 'study'
    chosen = (base, '--work-dir', folder, '--labels', 2, '--methods', 'target', 'joint', '--seeds')
    main(*chosen, 0, 1, '--dry-run')
    images = roots['CamVidDataset'] / 'images/val'
    away = images.rename(images.with_name('away'))
    reported = r'same reason before the first step, so the others were not started: .*images/val'
    with pytest.raises(JointError, match=rf'{reported}.* Correct this, .*same command again'):
        main(*chosen, 0, 1)
    assert capsys.readouterr().out.count('failed: ') == 2
    assert sorted(folder.glob('*/2/seed*')) == [
        folder / f'{m}/2/seed0' for m in ('joint', 'target')
    ]
    assert (folder / 'report.md').exists()
    away.rename(images)
    main(*chosen, 0)
    assert '| joint | 2 |' in (folder / 'report.md').read_text(encoding='utf-8')


def test_runs_of_another_base_config_are_not_mixed_in(main, roots, tmp_path):
    base, folder = write_base(roots, tmp_path), tmp_path / 'study'
    chosen = (base, '--work-dir', folder, '--labels', 2, '--seeds', 0, '--methods', 'target')
    main(*chosen)
    kept = (folder / 'configs/target.py').read_text(encoding='utf-8')
    write_base(roots, tmp_path, **{'optim_wrapper.segmentor.optimizer.lr': 0.5})
    with pytest.raises(JointError, match=r'has runs of target with .*lr=0.0002, and .* 0.5 now'):
        main(*chosen)
    assert (folder / 'configs/target.py').read_text(encoding='utf-8') == kept
    write_base(roots, tmp_path)
    main(*chosen)


def test_the_commands_of_a_dry_run(main, roots, tmp_path, capsys):
    base, folder = write_base(roots, tmp_path), tmp_path / 'study'
    chosen = ('--methods', 'hrs', 'maxsquare', '--labels', 0, 2, '--seeds', 5, '--dry-run')
    main(base, '--work-dir', folder, *chosen)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith(f'python tools/train.py {folder}/configs/hrs.py --work-dir ')
    assert f'{folder}/hrs/2/seed5 --resume --cfg-options randomness.seed=5' in lines[0]
    assert 'configs/maxsquare_0.py' in lines[2]
    assert not (folder / 'hrs').exists()
    main('--work-dir', folder)
    assert 'No run is finished yet.' in capsys.readouterr().out


def test_a_dry_run_from_another_folder(main, roots, tmp_path, monkeypatch, capsys):
    base = write_base(roots, tmp_path)
    monkeypatch.chdir(tmp_path)
    chosen = ('--methods', 'joint', '--labels', 'all', 2, '--seeds', 0)
    main(base, '--work-dir', 'study', *chosen, '--dry-run')
    few, whole = capsys.readouterr().out.splitlines()
    start = f'python {ROOT}/tools/train.py study/configs/joint.py --work-dir study/joint'
    assert few.startswith(f'{start}/2/seed0') and whole.startswith(f'{start}/3/seed0')


def test_a_first_look_is_shorter_and_stays_apart(main, roots, tmp_path):
    warm_up = dict(type='LinearLR', start_factor=0.1, end=10, by_epoch=False)
    decay = dict(type='PolyLR', begin=10, by_epoch=False)
    changes = {'train_cfg.max_iters': 40, 'param_scheduler': [warm_up, decay]}
    base, folder = write_base(roots, tmp_path, **changes), tmp_path / 'look'
    chosen = (base, '--work-dir', folder, '--methods', 'joint', '--labels', 2, '--seeds', 0)
    main(*chosen, '--iterations', 4)
    text = (folder / 'report.md').read_text(encoding='utf-8')
    assert re.search(r'^\| joint \| 2 \| [\d.]+ \| - \| 4 \| [\d.]+ \|$', text, re.MULTILINE)
    (log,) = (folder / 'joint/2/seed0').glob('*/vis_data/scalars.json')
    lines = [json.loads(line) for line in log.read_text(encoding='utf-8').splitlines()]
    rates = [line['segmentor.lr'] for line in lines if 'loss' in line]
    assert rates == pytest.approx([2e-5, 2e-4, 2e-4, 0.0])  # up in two steps, down in two
    with pytest.raises(JointError, match=r'max_iters=4, and the config has 40 now: choose ano'):
        main(*chosen)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--labels', 4], r'--labels 4: the target has 3 labeled images; give 3 at most, or all'),
        (['--labels', 'many'], '--labels many: give numbers of labeled images, or all'),
        (['--labels', 3, 'all'], '--labels has 3 twice'),
        (['--seeds', 1, 2, 1], '--seeds has 1 twice'),
        (['--seeds', -1], '--seeds -1: give whole numbers from 0'),
        (['--methods', 'hsr'], 'no method "hsr"; did you mean hrs'),
        (['--methods', 'joint', '--labels', 0], 'method joint needs labels of the target'),
    ],
)
def test_bad_input(main, roots, tmp_path, arguments, message):
    base, folder = write_base(roots, tmp_path), tmp_path / 'study'
    with pytest.raises(JointError, match=message):
        main(base, '--work-dir', folder, *arguments)
    assert not folder.exists()
    with pytest.raises(JointError, match='holds no study'):
        main('--work-dir', folder)


def test_a_killed_study_continues_and_ends_with_the_same_weights(main, roots, tmp_path):
    changes = {'train_cfg.max_iters': 12, 'train_cfg.val_interval': 12}
    base = write_base(roots, tmp_path, **changes)
    chosen = ('--labels', 2, '--seeds', 0, '--methods', 'joint')
    whole, killed = tmp_path / 'whole', tmp_path / 'killed'
    main(base, '--work-dir', whole, *chosen)
    command = [sys.executable, STUDY, base, '--work-dir', killed, *chosen, '--jobs', 2]
    environment = {**os.environ, 'PYTHONPATH': str(ROOT)}
    heed = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # noqa: E731  # unlike a shell's "&"
    process = subprocess.Popen(list(map(str, command)), env=environment, preexec_fn=heed)
    checkpoint = killed / 'joint/2/seed0/iter_3.pth'
    while not checkpoint.exists() and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    stopped = list(killed.glob('joint/2/seed0/iter_*.pth'))
    time.sleep(1)
    assert list(killed.glob('joint/2/seed0/iter_*.pth')) == stopped  # its child has ended, too
    assert not (killed / 'joint/2/seed0/iter_12.pth').exists()
    main(base, '--work-dir', killed, *chosen)
    ends = [
        torch.load(folder / 'joint/2/seed0/iter_12.pth', weights_only=False)['state_dict']
        for folder in (whole, killed)
    ]
    assert all(torch.equal(value, ends[1][name]) for name, value in ends[0].items())
