from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config

from mmseg_joint.engine.gradient_cosine_hook import COSINE
from mmseg_joint.errors import JointError
from mmseg_joint.study.rows import Row
from mmseg_joint.study.runs import find_runs, folder_of, read_run
from tests.study.logs import CONFIG, SUBSET, trained, validated, write_run, write_start

WITH_LABELS = Config.fromstring(CONFIG.format(total=9, seed=0, share=1, target=SUBSET), '.py')
STAGES = [dict(name='source'), dict(name='adapt')]


class WithLabels(Row):
    cfg = WITH_LABELS


class InStages(Row):
    cfg = Config(dict(WITH_LABELS, stages=STAGES))


ROW = WithLabels('FCN', 'camvid', (), Path('configs/fcn.py'))
TWO = InStages('Target Finetuning', 'camvid', (), Path('configs/two.py'))


def test_a_run_that_finished(tmp_path):
    lines = [*trained(20, 50, time=0.3, memory=300.0), validated(50, 40.0)]
    lines += trained(60, 80, 100, time=0.4, memory=200.0)
    write_start(tmp_path, [*lines, validated(100, 41.5)], labels=46, seed=2)
    run = read_run(tmp_path, ROW)
    assert (run.labels, run.seed, run.iterations, run.miou) == (46, 2, (100,), 41.5)
    assert run.finished
    # median of 0.3, 0.4, 0.4; the times of steps 50 and 100 belong to a validation
    assert (run.seconds, run.memory) == (0.4, 300.0)
    assert read_run(tmp_path / 'nothing', ROW) is None


@pytest.mark.parametrize(
    'lines',
    [
        trained(50),
        [*trained(50), validated(50, 90.0)],
        [*trained(50), validated(50, 90.0), *trained(100)],  # killed before the last validation
    ],
)
def test_a_run_that_did_not_finish_has_no_result(tmp_path, lines):
    run = read_run(write_start(tmp_path, lines), ROW)
    assert not run.finished
    assert run.miou is None
    assert run.reached == f'{lines[-1]["step"]} of 100 iterations'


def test_a_log_truncated_by_a_kill(tmp_path):
    write_start(tmp_path, trained(50), tail='{"mIoU": 90.0, "st')
    assert read_run(tmp_path, ROW).reached == '50 of 100 iterations'
    write_start(tmp_path / 'first', [], tail='{"loss": 1.')
    assert read_run(tmp_path / 'first', ROW) is None


def test_the_schedule_is_that_of_the_run_not_of_the_row(tmp_path):
    """A later start trained for longer: the result of the first no longer counts."""
    write_run(tmp_path, 50.0, total=100)
    write_start(tmp_path, trained(150), total=200, start='20200102_000000')
    run = read_run(tmp_path, ROW)
    assert (run.miou, run.reached) == (None, '150 of 200 iterations')
    write_start(tmp_path, [*trained(200), validated(200, 60.0)], 200, start='20200103_000000')
    assert read_run(tmp_path, ROW).miou == 60.0
    assert read_run(tmp_path, ROW).iterations == (200,)


def test_a_restarted_run_has_lost_its_result(tmp_path):
    write_run(tmp_path, 50.0)
    assert read_run(tmp_path, ROW).miou == 50.0
    write_start(tmp_path, trained(10), start='20200102_000000')
    assert read_run(tmp_path, ROW).reached == '10 of 100 iterations'


def test_a_resumed_run_that_only_redid_its_last_validation(tmp_path):
    """It was killed between its last checkpoint and the validation."""
    write_start(tmp_path, [*trained(50), validated(50, 40.0), *trained(100)])
    write_start(tmp_path, [validated(100, 45.0)], start='20200102_000000')
    assert (read_run(tmp_path, ROW).miou, read_run(tmp_path, ROW).seconds) == (45.0, 0.5)
    write_start(tmp_path, [], start='20200103_000000')  # resumed again, with nothing left to do
    assert read_run(tmp_path, ROW).miou == 45.0
    tested = {'mIoU': 60.0, 'step': 0}  # with another config
    write_start(tmp_path, [tested], total=9, start='20200104_000000')
    assert (read_run(tmp_path, ROW).miou, read_run(tmp_path, ROW).iterations) == (45.0, (100,))


def test_a_run_shorter_than_the_log_interval(tmp_path):
    assert read_run(write_start(tmp_path, [validated(2, 3.5)], total=2), ROW).miou == 3.5


def test_runs_whose_first_stage_reads_no_labels_still_count_them(tmp_path):
    for labels in (6, 46):
        write_start(tmp_path / f'two/{labels}/seed0/source', trained(5), labels=labels, share=0)
    assert [run.labels for run in find_runs(tmp_path, TWO)] == [6, 46]


def test_a_run_in_stages_finishes_with_the_last_one(tmp_path):
    write_run(tmp_path / 'source', 70.0, total=1000, labels=6, share=0)
    run = read_run(tmp_path, TWO)
    assert (run.miou, run.iterations) == (None, (1000,))
    assert run.reached == '1000 of 1000 iterations of stage "source"'
    write_start(tmp_path / 'adapt', trained(20), total=500, labels=6)
    assert read_run(tmp_path, TWO).reached == '20 of 500 iterations of stage "adapt"'
    lines = [*trained(500), validated(500, 44.0)]
    write_start(tmp_path / 'adapt', lines, total=500, labels=6, start='20200102_000000')
    run = read_run(tmp_path, TWO)
    assert (run.miou, run.iterations, run.labels) == (44.0, (1000, 500), 6)


def test_runs_are_found_by_what_they_were_trained_with(tmp_path):
    write_run(tmp_path / 'fcn', 1.0, labels=6, seed=1)  # where tools/train.py puts it
    write_run(tmp_path / 'fcn/46/seed0', 2.0, labels=46)
    write_run(tmp_path / 'fcn/12/seed10', 3.0, labels=12, seed=10)
    write_run(tmp_path / 'fcn/12/seed2', 4.0, labels=12, seed=2)
    write_run(tmp_path / 'fcn/all/seed0', 5.0, labels=None)
    write_run(tmp_path / 'joint/12/seed0', 6.0)
    found = find_runs(tmp_path, ROW)
    assert [(run.labels, run.seed, run.miou) for run in found] == [
        *((6, 1, 1.0), (12, 2, 4.0), (12, 10, 3.0), (46, 0, 2.0), (None, 0, 5.0))
    ]
    assert folder_of(tmp_path, ROW, 12, 2) == found[1].folder
    assert folder_of(tmp_path, ROW, None, 0) == found[-1].folder
    write_run(tmp_path / 'fcn/13/seed2', 9.0, labels=12, seed=2)
    with pytest.raises(JointError, match=r'12/seed2 and .*13/seed2 are both runs of fcn with 12'):
        find_runs(tmp_path, ROW)


def test_what_was_watched_in_all_stages_follows_each_other(tmp_path):
    def watched(*values):
        steps = range(0, 10 * len(values), 10)
        lines = [{COSINE: value, 'step': step} for value, step in zip(values, steps)]
        return [*lines, *trained(100)]

    write_start(tmp_path / 'source', watched(0.5, 0.25))
    write_start(tmp_path / 'adapt', watched(0.125))
    assert read_run(tmp_path, TWO).watched[COSINE].tolist() == [0.5, 0.25, 0.125]
