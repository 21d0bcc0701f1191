from __future__ import annotations

import copy
import json
import logging
from math import nan
from types import SimpleNamespace

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.hooks import CheckpointHook
from mmengine.runner import IterBasedTrainLoop

from mmseg_joint.engine import SelectionReportHook
from mmseg_joint.engine.selection_report_hook import (
    HELD_OUT,
    OTHER,
    SELECTION_SETS,
    TEST,
    describe,
    selection_set_of,
    summarize,
)
from mmseg_joint.errors import JointError
from tests.ranks import on_ranks
from tests.tiny_configs import ROOT

SCORES = {200: 10.0, 400: nan, 600: 30.0, 800: 20.0, 1000: 25.0}
VALIDATIONS = [dict(iter=step, mIoU=score) for step, score in SCORES.items()]


def test_last_best_and_mean_of_the_last():
    found = summarize(VALIDATIONS, 'mIoU', 3, TEST)
    assert (found['last']['mIoU'], found['last']['iter']) == (25.0, 1000)
    assert (found['best']['mIoU'], found['best']['iter']) == (30.0, 600)
    assert (found['mean']['mIoU'], found['mean']['iters']) == (25.0, [600, 800, 1000])
    assert [found[key]['chosen_by'] for key in ('last', 'mean', 'best')] == [
        *('iteration', 'iteration', TEST)
    ]
    assert summarize(VALIDATIONS[:1], 'mIoU', 3, TEST)['mean']['iters'] == [200]
    tied = [dict(iter=1, mIoU=5.0), dict(iter=2, mIoU=5.0)]
    assert summarize(tied, 'mIoU', 3, TEST)['best']['iter'] == 1


@pytest.mark.parametrize('labels', SELECTION_SETS)
def test_the_report_says_which_labels_chose_what(labels):
    summary = summarize(VALIDATIONS, 'mIoU', 3, labels)
    header, last, mean, best = describe(summary, 'mIoU', labels).splitlines()
    assert header == f'Which checkpoint? mIoU on the {labels}:'
    assert ('25.00' in last, 'chosen without labels' in last) == (True, True)
    assert ('600 to 1000' in mean, 'chosen without labels' in mean) == (True, True)
    assert "save_best='mIoU' keeps it" in best
    assert ('no fair result' in best) == (labels == TEST)
    summary['best']['checkpoint'] = 'best_mIoU_iter_600.pth'
    assert '(best_mIoU_iter_600.pth)' in describe(summary, 'mIoU', labels)


def test_which_labels_are_used():
    cfg = Config.fromfile(ROOT / 'configs/hrs_squeezenet_streets_camvid.py')
    assert selection_set_of(cfg) == TEST
    cfg.test_dataloader = copy.deepcopy(cfg.val_dataloader)
    cfg.test_dataloader.dataset.pipeline = []
    assert selection_set_of(cfg) == TEST
    cfg.val_dataloader.dataset.data_prefix.img_path = 'images/another'
    assert selection_set_of(cfg) == OTHER
    subset = dict(type='LabelSubset', count=12, seed=0, dataset=cfg.val_dataloader.dataset)
    cfg.val_dataloader.dataset = dict(subset, held_out=True)
    assert selection_set_of(cfg) == HELD_OUT
    cfg.val_dataloader.dataset = subset
    assert selection_set_of(cfg) == OTHER
    cfg.test_dataloader = None
    assert selection_set_of(cfg) == TEST


@pytest.fixture
def runner(tmp_path, caplog):
    """What the hook needs from a runner."""
    logger = logging.getLogger('selection')
    caplog.set_level(logging.INFO, 'selection')
    return SimpleNamespace(
        work_dir=str(tmp_path),
        iter=0,
        cfg=Config(),
        logger=logger,
        train_loop=None,
        hooks=[CheckpointHook(by_epoch=False, out_dir=str(tmp_path))],
    )


def validate(hook, runner, scores):
    for step, score in scores.items():
        runner.iter = step
        hook.after_val_epoch(runner, dict(mIoU=np.float32(score), per_class=[score]))


def read(folder):
    return json.loads((folder / 'selection.json').read_text())


def test_every_rank_knows_the_earlier_validations(runner, tmp_path):
    content = dict(validations=[dict(iter=step, mIoU=3.0) for step in (1, 2, 3)])
    (tmp_path / 'selection.json').write_text(json.dumps(content))
    runner.iter = 2

    def work(rank):
        if rank:
            runner.work_dir = 'of another machine'
        hook = SelectionReportHook()
        hook.before_train(runner)
        return hook.validations

    assert on_ranks(work, tmp_path) == 2 * [content['validations'][:2]]


def test_a_resumed_run_validates_where_it_should_have():
    runner = SimpleNamespace(
        train_loop=IterBasedTrainLoop.__new__(IterBasedTrainLoop),
        val_begin=3,
        val_interval=2,
        max_iters=7,
        logger=logging.getLogger('selection'),
    )
    runner.val_loop = SimpleNamespace(run=lambda: validated.append(runner.iter))
    hook, validated = SelectionReportHook(), []
    hook.validations = [dict(iter=6, mIoU=1.0)]
    for runner.iter in range(8):
        hook.before_train_epoch(runner)
    assert validated == [4, 7]


@pytest.mark.parametrize('next_to_the_checkpoint', [True, False])
def test_a_resumed_run_reports_what_the_whole_one_does(runner, tmp_path, next_to_the_checkpoint):
    hook = SelectionReportHook(last=2)
    hook.before_train(runner)
    validate(hook, runner, {1: 1.1, 2: 4.4, 3: 3.3})
    hook.after_train(runner)
    whole = read(tmp_path)
    assert whole['mean']['mIoU'] == pytest.approx(3.85)
    assert whole['validations'][1] == dict(iter=2, mIoU=4.4)

    # from iteration 2; what came after it is forgotten, not counted twice
    runner.iter = 2
    if next_to_the_checkpoint:
        runner.cfg.load_from = str(tmp_path / 'iter_2.pth')
        runner.work_dir = str(tmp_path / 'resumed')
        (tmp_path / 'resumed').mkdir()
    hook = SelectionReportHook(last=2)
    hook.before_train(runner)
    validate(hook, runner, {3: 3.3})
    hook.after_train(runner)
    folder = tmp_path / 'resumed' if next_to_the_checkpoint else tmp_path
    assert read(folder) == whole


def test_weights_alone_bring_no_validations(runner, tmp_path):
    hook = SelectionReportHook()
    hook.before_train(runner)
    validate(hook, runner, {1: 1.0})
    runner.iter, runner.cfg.load_from = 0, str(tmp_path / 'iter_1.pth')
    hook = SelectionReportHook()
    hook.before_train(runner)
    assert hook.validations == []


def test_the_checkpoints_that_are_there_are_named(runner, tmp_path):
    for name in ('iter_3.pth', 'best_mIoU_iter_2.pth', 'best_mIoU_iter_12.pth'):
        (tmp_path / name).touch()
    hook = SelectionReportHook()
    hook.before_train(runner)
    validate(hook, runner, {1: 1.0, 2: 4.0, 3: 3.0})
    found = read(tmp_path)
    assert found['last']['checkpoint'] == 'iter_3.pth'
    assert found['best']['checkpoint'] == 'best_mIoU_iter_2.pth'
    validate(hook, runner, {4: 9.0})
    assert read(tmp_path)['best']['checkpoint'] is None


def test_a_validation_outside_of_training_is_not_counted(runner, tmp_path):
    hook = SelectionReportHook()
    validate(hook, runner, {1: 1.0})
    assert not (tmp_path / 'selection.json').exists()


def test_an_unknown_metric_is_reported_and_stops_nothing(runner, tmp_path, caplog):
    hook = SelectionReportHook(metric='mDice')
    hook.before_train(runner)
    validate(hook, runner, {1: 1.0})
    hook.after_train(runner)
    assert 'metric is "mDice", but the evaluator gives mIoU' in caplog.text
    assert not (tmp_path / 'selection.json').exists()


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        (dict(last=0), r'SelectionReportHook\.last is 0'),
        (dict(selection_set='val'), r'selection_set is \'val\': choose one of auto, test lab'),
    ],
)
def test_refusals(values, message):
    with pytest.raises(JointError, match=message):
        SelectionReportHook(**values)


def test_earlier_validations_without_the_metric_are_forgotten(runner, tmp_path):
    content = dict(validations=[dict(iter=1, mIoU=5.0), dict(iter=2, mIoU=5.0, mIoU_13=3.0)])
    (tmp_path / 'selection.json').write_text(json.dumps(content))
    runner.iter = 2
    hook = SelectionReportHook(metric='mIoU_13')
    hook.before_train(runner)
    hook.after_val_epoch(runner, dict(mIoU_13=4.0))
    assert [x['mIoU_13'] for x in read(tmp_path)['validations']] == [3.0, 4.0]


def test_checkpoints_are_named_where_the_config_puts_them(runner, tmp_path):
    hook = CheckpointHook(by_epoch=False, filename_tmpl='{}.pth', out_dir=str(tmp_path / 'apart'))
    (tmp_path / 'apart').mkdir()
    for name in ('3.pth', '12.pth', 'best_mIoU_2.pth'):
        (tmp_path / 'apart' / name).touch()
    runner.hooks = [hook]
    hook = SelectionReportHook()
    hook.before_train(runner)
    validate(hook, runner, {1: 1.0, 2: 4.0, 3: 3.0})
    found = read(tmp_path)
    assert found['last']['checkpoint'] == '3.pth'
    assert found['best']['checkpoint'] == 'best_mIoU_2.pth'


@pytest.mark.parametrize(('epochs', 'best', 'last'), [(4, 2, 4), (1, 0, 1)])
def test_checkpoints_that_are_numbered_by_epochs_are_named_by_them(
    runner, tmp_path, epochs, best, last
):
    """An epoch has three iterations; a loop that counts iterations has one epoch."""
    for number in range(1, 13):
        (tmp_path / f'epoch_{number}.pth').touch()
    (tmp_path / f'best_mIoU_epoch_{best}.pth').touch()
    runner.hooks = [CheckpointHook(by_epoch=True, out_dir=str(tmp_path))]
    runner.max_epochs, runner.max_iters = epochs, 12
    hook = SelectionReportHook()
    hook.before_train(runner)
    validate(hook, runner, {3: 1.0, 6: 4.0, 9: 3.0, 12: 2.0})
    found = read(tmp_path)
    assert found['last']['checkpoint'] == f'epoch_{last}.pth'
    assert found['best']['checkpoint'] == f'best_mIoU_epoch_{best}.pth'
