from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from mmengine.hooks import Hook
from mmseg.registry import HOOKS

from mmseg_joint.engine import stage_training
from mmseg_joint.engine.stage_training import train_stages
from mmseg_joint.engine.stages import read_stages
from mmseg_joint.errors import JointError
from tests.tiny_stages import STEPS, tiny_stages
from tests.tools.stopping import Stopped


@HOOKS.register_module()
class RecordStartHook(Hook):
    """Keeps what each run starts from."""

    seen: list[tuple] = []  # noqa: RUF012

    def before_train_iter(self, runner, *args, **kwargs):
        if runner.iter == 0:
            state = {name: value.clone() for name, value in runner.model.state_dict().items()}
            fresh = all(not w.optimizer.state for w in runner.optim_wrapper.values())
            self.seen.append((runner.work_dir, state, fresh))


@pytest.fixture
def train(roots, tmp_path):
    """Train the tiny stages in a folder; `hook` is added to their hooks."""

    def run(folder, resume=None, hook=None, **changes):
        # a name of its own for each run, as in a process of its own
        name = f'stages_{folder}_{resume is None}'
        cfg = tiny_stages(roots, tmp_path / folder, name)
        cfg.merge_from_dict(changes)
        if hook:
            cfg.custom_hooks.append(hook)
        train_stages(read_stages(cfg), cfg.work_dir, resume)
        return tmp_path / folder

    return run


def load(path) -> dict:
    return torch.load(path, weights_only=False)


def assert_same_end(folder, whole, stage='adapt'):
    expected, got = (load(f / stage / f'iter_{STEPS}.pth') for f in (whole, folder))
    assert set(got['state_dict']) == set(expected['state_dict'])
    for name, value in expected['state_dict'].items():
        assert torch.equal(got['state_dict'][name], value), name
    reports = [json.loads((f / stage / 'selection.json').read_text()) for f in (whole, folder)]
    assert reports[0] == reports[1]
    named = (folder / 'last_checkpoint').read_text()
    assert named == str(folder / f'adapt/iter_{STEPS}.pth')


def written(folder) -> dict:
    """When each file below a folder was written."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob('*') if path.is_file()}


def test_stages_start_from_one_another_and_resume_bit_for_bit(train, tmp_path):
    RecordStartHook.seen.clear()
    whole = train('whole', hook=dict(type='RecordStartHook'), log_level='INFO')
    (_, _, _), (work_dir, started, fresh) = RecordStartHook.seen
    assert (work_dir, fresh) == (str(whole / 'adapt'), True)
    source = load(whole / f'source/iter_{STEPS}.pth')['state_dict']
    assert all(torch.equal(started[name], value) for name, value in source.items())
    new = set(started) - set(source)
    assert new
    assert all(name.startswith('objectives.') for name in new)
    log = next((whole / 'adapt').glob('*/*.log')).read_text()
    assert f'"adapt": {len(source)} of {len(started)} parameters from' in log
    assert 'start fresh: objectives.' in log
    # each stage logs into its own folder
    for stage in ('source', 'adapt'):
        (scalars,) = (whole / stage).glob('*/vis_data/scalars.json')
        lines = [json.loads(line) for line in scalars.read_text().splitlines()]
        assert [line['step'] for line in lines if 'mIoU' in line] == [2, 3]

    for stage, step in (('source', 2), ('adapt', 1), ('adapt', 3)):
        name = f'{stage}_{step}'
        with pytest.raises(Stopped):
            train(name, hook=dict(type='StopHook', folder=stage, step=step))
        assert not (tmp_path / name / 'last_checkpoint').exists()
        before = written(tmp_path / name / 'source')
        folder = train(name, 'auto')
        assert_same_end(folder, whole)
        skipped = written(folder / 'source') == before
        assert skipped == (stage == 'adapt')

    # from a checkpoint that is named, in another work dir
    folder = train('named', str(whole / 'source/iter_2.pth'))
    assert_same_end(folder, whole)

    # all complete: nothing is trained, the end is the same
    source, last = written(whole / 'source'), whole / f'adapt/iter_{STEPS}.pth'
    before = last.stat().st_mtime_ns
    (whole / 'last_checkpoint').unlink()
    train('whole', 'auto')
    assert last.stat().st_mtime_ns == before
    assert written(whole / 'source') == source
    assert_same_end(folder, whole)


def test_a_run_stopped_during_a_validation_repeats_it(train):
    stop = dict(type='StopBeforeValidationHook', folder='adapt', step=STEPS)
    with pytest.raises(Stopped):
        train('stopped', hook=stop)
    folder = train('stopped', 'auto')
    report = json.loads((folder / 'adapt/selection.json').read_text())
    assert [validation['iter'] for validation in report['validations']] == [2, 3]
    assert report['last']['iter'] == STEPS


@pytest.fixture
def checkpoint(tmp_path):
    """Put a checkpoint into a stage's folder."""

    def write(stage, step, **state):
        path = tmp_path / f'work/{stage}/iter_{step}.pth'
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(dict(state_dict=state), path)
        return str(path)

    return write


def test_nothing_is_overwritten(train, checkpoint, tmp_path):
    path = checkpoint('source', STEPS)
    with pytest.raises(JointError, match=r'work/source has checkpoints .*add --resume to go on'):
        train('work')
    checkpoint('adapt', 1)
    with pytest.raises(JointError, match=r'work/adapt .* go on there with --resume alone'):
        train('work', path)
    # the first stage was made longer after the second had begun
    with pytest.raises(JointError, match=r'work/adapt .* leave the schedule of "source"'):
        train('work', 'auto', **{'train_cfg.max_iters': STEPS + 1})
    shutil.move(path, tmp_path / 'iter_3.pth')
    with pytest.raises(JointError, match=r"lies in no stage's folder \(source, adapt\)"):
        train('work', str(tmp_path / 'iter_3.pth'))


@pytest.fixture
def pretend(roots, tmp_path, checkpoint, monkeypatch):
    """Run stages without training: each ends at its step, and its start is returned."""

    def run(steps, resume=None):
        started = []

        def train(stage, middle, before):
            started.append((stage.name, middle, before))
            checkpoint(stage.name, steps[stage.name])

        monkeypatch.setattr(stage_training, '_train', train)
        cfg = tiny_stages(roots, tmp_path / 'work')
        cfg.stages = [dict(name=name) for name in steps]
        train_stages(read_stages(cfg), cfg.work_dir, resume)
        return started

    return run


def test_a_stage_starts_from_the_one_before_it(pretend, checkpoint):
    first, second = (Path(checkpoint(name, STEPS)) for name in ('first', 'second'))
    steps = dict(first=STEPS, second=STEPS, third=STEPS, fourth=STEPS)
    third = second.parents[1] / 'third' / second.name
    assert pretend(steps, 'auto') == [('third', None, second), ('fourth', None, third)]
    for path in (second, third):
        shutil.rmtree(path.parent)
    shutil.rmtree(third.parents[1] / 'fourth')
    assert pretend(steps, str(first))[:2] == [('first', first, None), ('second', None, first)]


def test_only_the_last_stage_may_end_early(pretend, tmp_path):
    pretend(dict(first=STEPS, last=1))
    assert (tmp_path / 'work/last_checkpoint').read_text().endswith('last/iter_1.pth')
    shutil.rmtree(tmp_path / 'work')
    with pytest.raises(JointError, match=r'"first" ended before 3, .* is at 1: stop no stage'):
        pretend(dict(first=1, last=STEPS))


def test_weights_that_fit_nowhere_are_refused(train, checkpoint):
    key = 'decode_head.conv_seg.weight'
    checkpoint('source', STEPS, **{key: torch.zeros(1), 'other': torch.zeros(2)})
    message = r'"adapt" starts from .*iter_3\.pth, of which no parameter .*VGGEncoder, FCN8sHead'
    with pytest.raises(JointError, match=message):
        train('work', 'auto')
