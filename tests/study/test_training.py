from __future__ import annotations

from types import SimpleNamespace

import pytest

from mmseg_joint.study import training
from mmseg_joint.study.cells import Selection
from mmseg_joint.study.jobs import plan
from mmseg_joint.study.training import (
    LOG,
    progress,
    remaining,
    start_process,
    train_missing,
)
from tests.study.logs import trained, validated, write_run, write_start

ROWS = ['FCN', 'Direct Joint Training', 'Target Finetuning']


@pytest.fixture
def jobs(tables, tmp_path):
    return plan(tables['hrs1'], tmp_path, Selection('camvid', None, [0], ROWS))


class Fake:
    """A process that trains nothing: each poll writes the next lines of its log."""

    def __init__(self, job, steps, status=0):
        self.job, self.steps, self.status = job, list(steps), status
        self.returncode, self.ended = None, False

    def poll(self):
        if not self.steps and self.returncode is None:
            self.returncode = self.status
        if self.steps:
            step = self.steps.pop(0)
            stage = self.job.row.stages[-1:] or ('',)
            lines = trained(step)
            if step == self.job.iterations[-1]:
                lines.append(validated(step, 50.0))
            start = f'2020_{step:06d}'
            write_start(self.job.folder / stage[0], lines, start=start, cfg=self.job.cfgs[-1])
        return self.returncode

    def wait(self):
        return self.returncode

    def terminate(self):
        self.ended, self.returncode = True, -15


def starter(status=0, steps=(300, 600)):
    started = []

    def start(job):
        if job.row.stages and steps:
            write_run(job.folder / 'source', 20.0, total=600, cfg=job.cfgs[0])
        started.append(Fake(job, steps, status))
        return started[-1]

    return start, started


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(training, 'POLL', 0)


@pytest.mark.parametrize(('at_once', 'minutes'), [(1, 14), (2, 7)])
def test_only_missing_runs_are_trained_and_all_are_finished_afterwards(
    jobs, capsys, at_once, minutes
):
    write_run(jobs[0].folder, 40.0, total=600, cfg=jobs[0].cfgs[0])
    write_start(jobs[1].folder, trained(100), start='2019', cfg=jobs[1].cfgs[0])
    start, started = starter()
    assert train_missing(jobs, start, at_once) == []
    assert [fake.job.row.name for fake in started] == ROWS[1:]
    assert [job.run().miou for job in jobs] == [40.0, 50.0, 50.0]
    said = capsys.readouterr().out
    assert '1 of 3 runs are finished' in said
    # 500 iterations of one and 1,200 of the other, at the finished run's half second each
    assert f'[2/3] Direct Joint Training, 12 labels, seed 0; about {minutes} min left' in said
    assert '[3/3] Target Finetuning' in said
    again, none = starter()
    assert train_missing(jobs, again) == []
    assert none == []


@pytest.mark.parametrize(('count', 'steps'), [(2, ()), (3, (300,))])
def test_a_failing_run_is_reported_and_the_others_continue(jobs, capsys, count, steps):
    """The reason is the same, but no other run is left, or they have trained before."""
    start, started = starter(status=1, steps=steps)
    ended = []

    def begin(job):
        job.folder.mkdir(parents=True)
        (job.folder / 'train.log').write_text('first\nerror: there is no data\n')
        return start(job)

    failed = train_missing(jobs[:count], begin, after=lambda: ended.append(1))
    assert failed == jobs[:count]
    assert 'failed: error: there is no data' in capsys.readouterr().out
    assert len(started) == len(ended) == count


def test_a_run_that_ends_without_its_last_validation_has_failed(jobs, capsys):
    start, _ = starter(steps=(300,))
    assert train_missing(jobs[:1], start) == jobs[:1]
    assert 'failed: 300 of 600 iterations, without a validation' in capsys.readouterr().out


def test_a_killed_run_is_said_to_be_killed(jobs, capsys):
    """Not what it said last, as when the memory was full."""
    start, _ = starter(status=-9, steps=(300,))
    jobs[0].folder.mkdir(parents=True)
    (jobs[0].folder / LOG).write_text('Iter(train) [300/600] loss: 1.0\n')
    assert train_missing(jobs[:1], start) == jobs[:1]
    assert 'failed: 300 of 600 iterations, ended by SIGKILL' in capsys.readouterr().out


def test_a_run_ends_with_the_tool(jobs):
    start, started = starter(steps=range(10, 500, 10))
    looks = iter(range(3))

    def stop(_):
        if next(looks, None) is None:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, 'time', SimpleNamespace(sleep=stop, monotonic=lambda: 0.0))
        with pytest.raises(KeyboardInterrupt):
            train_missing(jobs[:1], start)
    assert started[0].ended


def test_iterations_of_all_stages_count(jobs):
    assert progress(jobs[2])[0] == 0
    write_run(jobs[2].folder / 'source', 20.0, total=600)
    write_start(jobs[2].folder / 'finetune', trained(100, 200), tail='{"loss": 1')
    assert progress(jobs[2])[0] == 800
    write_start(jobs[2].folder / 'finetune', [], start='20200102_000000')
    assert progress(jobs[2])[0] == 800


def test_the_pace_is_that_of_the_newest_steps(jobs):
    assert progress(jobs[0]) == (0, None)
    write_start(jobs[0].folder, [*trained(100), *trained(200, time=0.3)])
    assert progress(jobs[0]) == (200, 0.3)
    write_start(jobs[0].folder, [validated(300, 20.0)], start='2021')
    assert progress(jobs[0]) == (300, None)  # a validation logs another time


def test_pace_is_of_the_same_config_or_the_mean_of_others():
    assert remaining({}, [('a', 10)]) is None
    pace = dict(a=3.0, b=1.0)
    assert remaining(pace, [('a', 10), ('b', 5), ('c', 4)]) == 3.0 * 10 + 1.0 * 5 + 2.0 * 4


@pytest.mark.parametrize(
    ('seconds', 'text'),
    [(20, 'less than a minute'), (95, 'about 2 min'), (3600 * 2 + 300, 'about 2 h 5 min')],
)
def test_the_expectation_in_words(seconds, text):
    assert training.in_words(seconds).startswith(text)


def test_several_runs_at_a_time(jobs, capsys):
    start, started = starter()
    most = []

    def begin(job):
        most.append(sum(fake.returncode is None for fake in started) + 1)
        return start(job)

    ended = []
    assert train_missing(jobs, begin, at_once=2, after=lambda: ended.append(1)) == []
    assert most == [1, 2, 1]  # the first two end together
    assert len(ended) == 3
    assert [job.run().finished for job in jobs] == [True] * 3


def test_a_process_gets_its_share_of_the_cores(jobs, tmp_path, monkeypatch):
    monkeypatch.setattr(training.os, 'cpu_count', lambda: 64)  # but the container has 7
    monkeypatch.setattr(training.os, 'sched_getaffinity', lambda _: range(7), raising=False)
    monkeypatch.setenv('OMP_NUM_THREADS', '5')
    tool = tmp_path / 'tool.py'
    tool.write_text('import os, sys; print(os.environ["OMP_NUM_THREADS"], sys.argv[1])')
    for at_once, threads in ((3, 2), (9, 1), (1, 5)):
        assert start_process(tool, at_once)(jobs[0]).wait() == 0
        text = (jobs[0].folder / LOG).read_text().splitlines()[-1]
        assert text == f'{threads} {jobs[0].row.path}'


def test_an_output_that_is_not_text_is_shown_as_far_as_it_can_be_read(jobs, capsys):
    start, _ = starter(status=1, steps=())

    def begin(job):
        job.folder.mkdir(parents=True)
        (job.folder / LOG).write_bytes('error: kein Gerät\n'.encode('latin-1'))
        return start(job)

    assert train_missing(jobs[:1], begin) == jobs[:1]
    assert 'failed: error: kein Ger' in capsys.readouterr().out
