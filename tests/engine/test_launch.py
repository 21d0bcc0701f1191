from __future__ import annotations

import time
from pathlib import Path

import pytest

from mmseg_joint.engine.launch import build_runner
from tests.tiny_configs import ROOT, tiny


@pytest.fixture
def runner_in(roots, tmp_path, monkeypatch):
    """Build the runner of one config in a folder, always at the same moment."""
    monkeypatch.setattr(time, 'time', lambda: 1.8e9)

    def build(folder):
        return build_runner(tiny(ROOT / 'configs/joint_fcn8s_streets.py', roots, tmp_path / folder))

    return build


def test_two_runs_of_one_second_share_nothing(runner_in):
    first, second = runner_in('first'), runner_in('second')
    assert first.timestamp == second.timestamp
    assert first.experiment_name != second.experiment_name
    for runner in (first, second):
        runner.logger.warning(f'from {Path(runner.work_dir).name}')
    for runner in (first, second):
        (log,) = Path(runner.work_dir).glob('*/*.log')
        lines = log.read_text(encoding='utf-8').splitlines()
        assert [line.split()[-1] for line in lines if ' from ' in line] == [log.parts[-3]]
    first.message_hub.update_info('best_score', 1.0)
    assert 'best_score' not in second.message_hub.runtime_info
    assert first.visualizer is not second.visualizer
    first.visualizer.add_scalar('mIoU', 1.0)
    assert list(Path(first.work_dir).glob('*/vis_data/scalars.json'))
    assert not list(Path(second.work_dir).glob('*/vis_data/scalars.json'))


def test_one_config_built_again_and_again(runner_in):
    cfg = runner_in('first').cfg
    names = {build_runner(cfg.copy()).experiment_name, build_runner(cfg).experiment_name}
    assert len({*names, build_runner(cfg).experiment_name}) == 3
