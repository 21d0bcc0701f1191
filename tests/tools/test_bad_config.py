"""More mistakes on the real command lines: values of a config, checkpoints, devices, pipes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.tiny_configs import ROOT
from tests.tools.spoiling import Case, Spoil, ids
from tests.tools.test_bad_input import (  # noqa: F401 - fixtures
    DOCTOR,
    DOMAINS,
    message_of,
    place,
    pytestmark,
    run,
)

SOURCE = f"{DOMAINS}['source']"
TENSORBOARD = dict(without=['tensorboard', 'tensorboardX'])
# mistakes that both train.py and the doctor must report
MISTAKES = dict(
    no_accumulation=('counts is 0: give a whole number', "optim_wrapper['accumulative_counts']=0"),
    unknown_best=(
        r"save_best is 'mIuO' .*: name a result",
        "default_hooks['checkpoint']['save_best'] = 'mIuO'",
    ),
    interval_of_checkpoints=(
        r"checkpoint\.interval is 'x': give",
        "default_hooks['checkpoint']['interval'] = 'x'",
    ),
    interval_of_the_log=(
        r'logger\.interval is 0: give a whole number from 1',
        "default_hooks['logger']['interval'] = 0",
    ),
    log_level=("log_level is 'LOUD': choose", "log_level = 'LOUD'"),
    no_environment=('env_cfg is None: delete the key', 'env_cfg = None'),
    half_a_validation=('val_dataloader is missing, .*: add what', 'val_dataloader = None'),
    no_training_data=('has no train_dataloader: add it', 'train_dataloader = None'),
    no_loop=('has no train_cfg: add it', 'train_cfg = None'),
    objectives=("objectives is 'x': give a dict", "model['objectives'] = 'x'"),
    mean_of_two=('got 2 values: correct', "model['data_preprocessor']['mean'] = [1, 2]"),
    domains_in_a_list=(r'domains is \[1\]: give a dict', f'{DOMAINS} = [1]'),
    no_pipeline=(r'source\.pipeline is None: list', f"{SOURCE}['pipeline'] = None"),
    nothing_packs=(r'source\.pipeline has no PackSegInputs: end', f"{SOURCE}['pipeline'].pop()"),
    unknown_hook=('"Foo", and no hook has that name: name', "custom_hooks = [dict(type='Foo')]"),
    argument_of_a_hook=(
        "(unexpected keyword|takes no|got an).* 'x'.*: correct|'x'; correct the key",
        "custom_hooks = [dict(type='EmptyCacheHook', x=1)]",
    ),
    unknown_evaluator=('did you mean "IoUMetric"', "val_evaluator['type'] = 'IoUMetrik'"),
)
TRAINED = ids(**{name: Case(*mistake) for name, mistake in MISTAKES.items()})
EXAMINED = ids(
    **{f'doctor-{name}': Case(*mistake, tool=DOCTOR) for name, mistake in MISTAKES.items()}
)
TB = "visualizer['vis_backends'].append(dict(type='TensorboardVisBackend'))"
PIP = r'vis_backends\.1 is .*: run `python -m pip install tensorboard`'
BACKENDS = ids(
    no_tensorboard=Case(PIP, TB, conditions=TENSORBOARD),
    doctor_no_tensorboard=Case(PIP, TB, tool=DOCTOR, conditions=TENSORBOARD),
)


def changed(**values: object) -> Spoil:
    """Write bad.pth: the trained checkpoint with other entries; None takes one away."""

    def spoil(folder: Path) -> None:
        content = torch.load(folder / 'hrs.pth', weights_only=False)
        content.update(values)
        kept = {key: value for key, value in content.items() if value is not None}
        torch.save(kept, folder / 'bad.pth')

    return spoil


RESUME = 'hrs.py --resume bad.pth'
CHECKPOINTS = ids(
    no_schedules=Case(
        r'bad\.pth has no param_schedulers to go', changed(param_schedulers=None), RESUME
    ),
    no_message_hub=Case(r'has no message_hub to go', changed(message_hub=None), RESUME),
    no_iteration=Case(r'has no meta\.iter to go', changed(meta=dict(epoch=0)), RESUME),
    meta_in_a_list=Case(r'has no meta to go', changed(meta=[1]), RESUME),
    optimizer_in_words=Case(r'has no optimizer to go', changed(optimizer='Adam'), RESUME),
)
DEVICES = ids(
    no_gpu=Case(
        r'--device cuda cannot be used .*: give cpu',
        None,
        'hrs.py hrs.pth --out o.png --device cuda',
        'plot_weighting_maps',
    ),
    unknown_device=Case(
        r'--device foo cannot be used .*: give cpu',
        None,
        'a=hrs.py:hrs.pth --out o.png --device foo',
        'plot_predictions',
    ),
)


@pytest.mark.parametrize('case', [*TRAINED, *EXAMINED, *BACKENDS, *CHECKPOINTS, *DEVICES])
def test_one_sentence(case, run):  # noqa: F811
    ended, _ = run(case)
    message = message_of(case, ended)
    assert re.search(case.said, message), message
    assert ended.status == (1 if 'problem: ' in message else 2)
    assert 'Traceback' not in ended.stdout + ended.stderr


@pytest.mark.parametrize('command', [['-m', DOCTOR], [str(ROOT / 'tools/tables.py')]])
def test_output_that_is_not_read_to_its_end(command, tmp_path):
    variables = {**os.environ, 'PYTHONPATH': str(ROOT), 'CUDA_VISIBLE_DEVICES': ''}
    variables.pop('PYTHONUNBUFFERED', None)  # mmseg prints while it is imported
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, '-W', 'ignore', *command],
        cwd=tmp_path,
        env=variables,
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(writing)
    assert done.returncode == 141
    assert 'BrokenPipe' not in done.stderr and 'Traceback' not in done.stderr
