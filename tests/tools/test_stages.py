"""A config with stages on the command line: killed for real, resumed, tested, on two processes."""

from __future__ import annotations

import json
import signal

import pytest
import torch
from mmengine.config import Config

from tests.ranks import train_on_ranks
from tests.tiny_configs import ROOT
from tests.tiny_stages import STEPS, tiny_stages
from tests.tools.running import TRAIN, train

TEST = ROOT / 'tools/test.py'


def states(folder) -> dict:
    return {
        stage: torch.load(folder / stage / f'iter_{STEPS}.pth', weights_only=False)['state_dict']
        for stage in ('source', 'adapt')
    }


# the run is killed between the first stage's last checkpoint and its last validation
KILLS = {
    'ending_source': dict(type='StopBeforeValidationHook', folder='source', step=STEPS),
    'between': dict(type='StopBeforeIterationHook', folder='adapt', step=0),
    'in_adapt': dict(type='StopHook', folder='adapt', step=STEPS),
}
KEPT = {'ending_source': [[2, 3], []], 'between': [[2, 3], []], 'in_adapt': [[2, 3], [2]]}


def checkpoints(folder) -> list[list[int]]:
    """Return the steps of the checkpoints of each stage."""
    return [
        sorted(int(path.stem.split('_')[1]) for path in (folder / stage).glob('iter_*.pth'))
        for stage in ('source', 'adapt')
    ]


def test_killed_runs_are_resumed_and_tested(roots, tmp_path, call):
    cfg = tiny_stages(roots, tmp_path / 'whole')
    cfg.default_hooks.checkpoint.interval = 2
    path = tmp_path / 'stages.py'
    cfg.dump(path)
    options = ('--cfg-options', 'stages.1.randomness.seed=5')
    assert call(TRAIN, path, '--work-dir', tmp_path / 'whole', *options)[::2] == (0, '')
    whole = states(tmp_path / 'whole')

    for name, hook in KILLS.items():
        cut, folder = Config.fromfile(path), tmp_path / name
        cut.custom_hooks.append(dict(hook, kill=True))
        cut.dump(tmp_path / f'{name}.py')
        status = train(tmp_path / f'{name}.py', '--work-dir', folder, *options)
        assert status == -signal.SIGKILL
        assert checkpoints(folder) == KEPT[name]
        status, _, stderr = call(TRAIN, path, '--work-dir', folder, *options)
        assert (status, 'add --resume to go on' in stderr) == (2, True)
        assert call(TRAIN, path, '--work-dir', folder, '--resume', *options).status == 0
        for stage, expected in whole.items():
            resumed = states(folder)[stage]
            assert resumed.keys() == expected.keys()
            for key, value in expected.items():
                assert torch.equal(resumed[key], value), (name, stage, key)

    # each stage's checkpoint is tested with the stage's own model
    last = (folder / 'last_checkpoint').read_text()
    for checkpoint in (last, folder / f'source/iter_{STEPS}.pth'):
        out = tmp_path / f'test_{checkpoint == last}'
        assert call(TEST, path, checkpoint, '--work-dir', out).status == 0
        (result,) = out.glob('*/*.json')
        report = json.loads((folder / 'adapt/selection.json').read_text())
        if checkpoint == last:
            assert json.loads(result.read_text())['mIoU'] == pytest.approx(report['last']['mIoU'])
        dumped = (out / 'stages.py').read_text()
        assert ('weighting=None' in dumped) == (checkpoint != last)


def test_two_processes_pass_from_stage_to_stage(roots, tmp_path):
    cfg = tiny_stages(roots, tmp_path / 'work')
    cfg.train_cfg.update(max_iters=1)
    cfg.dump(tmp_path / 'ranks.py')
    train_on_ranks(tmp_path / 'ranks.py')
    assert (tmp_path / 'work/last_checkpoint').read_text().endswith('work/adapt/iter_1.pth')
