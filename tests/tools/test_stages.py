"""A config with stages on the command line: killed for real, resumed, tested, on two processes."""

from __future__ import annotations

import json
import os
import runpy
import signal
import subprocess
import sys

import pytest
import torch

from tests.tiny_configs import ROOT
from tests.tiny_stages import STEPS, tiny_stages

TRAIN, TEST = ROOT / 'tools/train.py', ROOT / 'tools/test.py'


@pytest.fixture
def call(monkeypatch, capsys):
    """Run a tool in this process; return its exit status and what it wrote to stderr."""
    # mmengine formats the config anew for every checkpoint, slowly
    monkeypatch.setattr('yapf.yapflib.yapf_api.FormatCode', lambda text, **_: (text, True))

    def run(tool, *arguments):
        monkeypatch.setattr(sys, 'argv', [str(tool), *map(str, arguments)])
        try:
            runpy.run_path(str(tool), run_name='__main__')
        except SystemExit as stop:
            return stop.code, capsys.readouterr().err
        return 0, capsys.readouterr().err

    return run


def spawn(*command) -> subprocess.CompletedProcess:
    environment = {**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'}
    command = [sys.executable, *map(str, command)]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def states(folder) -> dict:
    return {
        stage: torch.load(folder / stage / f'iter_{STEPS}.pth', weights_only=False)['state_dict']
        for stage in ('source', 'adapt')
    }


def test_a_killed_run_is_resumed_and_tested(roots, tmp_path, call):
    cfg = tiny_stages(roots, tmp_path / 'killed')
    options = ('--cfg-options', 'stages.1.randomness.seed=5', 'default_hooks.checkpoint.interval=2')
    path = tmp_path / 'stages.py'
    cfg.dump(path)
    assert call(TRAIN, path, '--work-dir', tmp_path / 'whole', *options) == (0, '')

    cfg.custom_hooks.append(dict(type='StopHook', folder='adapt', step=STEPS, kill=True))
    cfg.dump(tmp_path / 'killed.py')
    done = spawn(TRAIN, tmp_path / 'killed.py', *options)
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]
    status, stderr = call(TRAIN, path, '--work-dir', tmp_path / 'killed', *options)
    assert (status, 'add --resume to go on' in stderr) == (2, True)
    assert call(TRAIN, path, '--work-dir', tmp_path / 'killed', '--resume', *options)[0] == 0
    whole, resumed = states(tmp_path / 'whole'), states(tmp_path / 'killed')
    for stage, expected in whole.items():
        for name, value in expected.items():
            assert torch.equal(resumed[stage][name], value), (stage, name)

    # each stage's checkpoint is tested with the stage's own model
    last = (tmp_path / 'killed/last_checkpoint').read_text()
    for checkpoint in (last, tmp_path / f'killed/source/iter_{STEPS}.pth'):
        out = tmp_path / f'test_{checkpoint == last}'
        assert call(TEST, path, checkpoint, '--work-dir', out)[0] == 0
        (result,) = out.glob('*/*.json')
        report = json.loads((tmp_path / 'killed/adapt/selection.json').read_text())
        if checkpoint == last:
            assert json.loads(result.read_text())['mIoU'] == pytest.approx(report['last']['mIoU'])
        dumped = (out / 'stages.py').read_text()
        assert ('weighting=None' in dumped) == (checkpoint != last)


def test_two_processes_pass_from_stage_to_stage(roots, tmp_path):
    cfg = tiny_stages(roots, tmp_path / 'work')
    cfg.train_cfg.update(max_iters=1)
    cfg.dump(tmp_path / 'ranks.py')
    launch = ('-m', 'torch.distributed.run', '--standalone', '--nproc_per_node=2')
    done = spawn(*launch, TRAIN, tmp_path / 'ranks.py', '--launcher', 'pytorch')
    assert done.returncode == 0, done.stderr[-2000:]
    assert (tmp_path / 'work/last_checkpoint').read_text().endswith('work/adapt/iter_1.pth')
