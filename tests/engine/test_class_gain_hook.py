from __future__ import annotations

from types import SimpleNamespace

import pytest

from mmseg_joint.engine import ClassGainHook
from mmseg_joint.errors import JointError
from tests.study.logs import trained, validated, write_start


def test_the_gain_of_each_class_at_the_same_iteration_or_the_last(tmp_path):
    lines = [{**validated(step, 50.0), 'IoU.sky': 40.0 + step, 'IoU.car': 9.0} for step in (5, 10)]
    write_start(tmp_path / 'target', [*trained(5, 10), *lines], total=10)
    hook, logged = ClassGainHook(str(tmp_path / 'target')), []
    visualizer = SimpleNamespace(add_scalars=lambda values, step: logged.append((values, step)))
    runner = SimpleNamespace(
        iter=5, visualizer=visualizer, logger=SimpleNamespace(info=logged.append)
    )
    hook.before_train(runner)
    hook.after_val_epoch(runner, {'mIoU': 30.0, 'IoU.sky': 47.5, 'IoU.car': 8.0, 'IoU.new': 1.0})
    runner.iter = 20
    hook.after_val_epoch(runner, {'IoU.sky': 60.0})
    assert logged[0] == ({'gain.sky': 2.5, 'gain.car': -1.0}, 5)
    assert logged[1] == f'IoU over {tmp_path}/target: sky +2.5, car -1.0'
    assert logged[2] == ({'gain.sky': 10.0}, 20)


def test_a_run_that_has_logged_no_class(tmp_path):
    write_start(tmp_path, [*trained(5), validated(5, 50.0)], total=5)
    with pytest.raises(JointError, match='has logged no IoU of a class'):
        ClassGainHook(str(tmp_path)).before_train(None)
