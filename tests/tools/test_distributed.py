"""Two processes on a CPU, started as a user starts them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.ranks import free_port, train_on_ranks
from tests.tiny_configs import ROOT, tiny

TEST = ROOT / 'tools/test.py'
STEPS = 4
NAMES = ('aAcc', 'mIoU', 'mAcc')


def train_on_machines(config, cwd) -> None:
    """Call the shell script as each of two machines would."""
    command = ['bash', str(ROOT / 'tools/dist_train.sh'), str(config), '1']
    environment = dict(PYTHONPATH=ROOT, OMP_NUM_THREADS=1, PYTHON=sys.executable)
    environment.update(NNODES=2, MASTER_ADDR='127.0.0.1', PORT=free_port())
    runs = []
    for machine in range(2):
        named = {k: str(v) for k, v in {**environment, 'NODE_RANK': machine}.items()}
        runs.append(
            subprocess.Popen(
                command, env={**os.environ, **named}, stderr=subprocess.PIPE, text=True, cwd=cwd
            )
        )
    for run in runs:
        _, stderr = run.communicate()
        assert run.returncode == 0, stderr[-2000:]


def plain(cfg) -> Path:
    """Write the config of the same segmentor in plain mmseg."""
    cfg.model.type, cfg.model.data_preprocessor.type = 'EncoderDecoder', 'SegDataPreProcessor'
    cfg.model.pop('objectives')
    path = Path(cfg.work_dir).with_name('plain.py')
    cfg.dump(path)
    return path


def numbers(work_dir: Path) -> dict:
    """Read what a test run found."""
    (path,) = work_dir.glob('*/*.json')
    # mmengine's LoggerHook writes it from all ranks at once: the end of a longer text may remain
    found, _ = json.JSONDecoder().raw_decode(path.read_text())
    return {name: round(value, 6) for name, value in found.items()}


def test_two_processes_equal_one_with_twice_the_batch(roots, tmp_path, call):
    cfg = tiny(ROOT / 'configs/hrs_fcn8s_streets.py', roots, tmp_path / 'one')
    cfg.model.backbone.dropout_ratio = 0.0
    # the labels of D are drawn for each image: fixed here, so that both runs draw the same
    cfg.model.objectives.gan.update(real_label=(0.9, 0.9), fake_label=(0.1, 0.1))
    # where scores of source and target cancel, Adam would turn rounding errors into full steps
    cfg.optim_wrapper.weighting.optimizer.update(eps=1e-6)
    # every image fully labeled, so that the mean over ranks is the mean over pixels
    for domain in cfg.train_dataloader.dataset.domains.values():
        for step in domain.pipeline:
            if step.type == 'LoadMappedAnnotations':
                step.type = 'LoadCompleteAnnotations'
    cfg.custom_imports.imports += ['tests.tools.complete_labels', 'tests.tools.taking_shortcuts']
    cfg.randomness.update(seed=1)
    # two steps, and a checkpoint while gradients accumulate
    cfg.train_cfg.update(max_iters=STEPS, val_interval=STEPS)
    cfg.optim_wrapper.update(accumulative_counts=3)
    cfg.default_hooks.checkpoint.update(interval=2)
    state = {}
    for count, share in ((1, 2), (2, 1)):
        cfg.train_dataloader.update(batch_size=2 * share)
        cfg.train_dataloader.sampler.samples_per_domain.update(source=share, target=share)
        cfg.work_dir = str(tmp_path / str(count))
        path = tmp_path / f'ranks{count}.py'
        cfg.dump(path)
        if count == 1:
            assert call(ROOT / 'tools/train.py', path).status == 0
        else:
            train_on_machines(path, tmp_path)
        state[count] = load(tmp_path / str(count) / f'iter_{STEPS}.pth')['state_dict']
    assert set(state[1]) == set(state[2])
    for name, value in state[1].items():
        torch.testing.assert_close(state[2][name], value, rtol=0, atol=2e-5, msg=name)
    # accumulated gradients are those of both ranks, too
    pending = [
        load(tmp_path / str(count) / 'iter_2.pth')['optimizer']['accumulated_gradients']
        for count in (1, 2)
    ]
    for one, two in zip(*pending):
        torch.testing.assert_close(two, one, rtol=0.05, atol=1e-3)

    # of three images on two ranks, one is loaded twice, and counted once
    checkpoint, out = tmp_path / f'2/iter_{STEPS}.pth', tmp_path / 'out'
    train_on_ranks(path, checkpoint, '--work-dir', out, tool='tools/test.py')
    assert call(TEST, path, checkpoint, '--work-dir', tmp_path / 'alone').status == 0
    found = numbers(tmp_path / 'alone')
    validated = json.loads((tmp_path / '2/selection.json').read_text())['validations'][-1]
    assert call(TEST, plain(cfg), checkpoint, '--work-dir', tmp_path / 'plain').status == 0
    for name in NAMES:
        of_all = [numbers(folder)[name] for folder in (out, tmp_path / 'alone', tmp_path / 'plain')]
        assert of_all == [validated[name]] * 3
    twice = ('--cfg-options', 'test_dataloader.dataset.indices=[0,1,2,0]')
    assert call(TEST, path, checkpoint, '--work-dir', tmp_path / 'twice', *twice).status == 0
    assert any(numbers(tmp_path / 'twice')[name] != found[name] for name in NAMES)


def load(path) -> dict:
    return torch.load(path, weights_only=False)


@pytest.fixture
def commands(tmp_path):
    """Run a script with commands that only print their arguments."""
    fake = tmp_path / 'say'
    fake.write_text('#!/usr/bin/env bash\nprintf "%s\\n" "${MASTER_PORT:-}" "$@"\n')
    fake.chmod(0o755)
    (tmp_path / 'srun').symlink_to(fake)

    def run(script, *arguments, **environment):
        env = {'PATH': f'{tmp_path}:{os.environ["PATH"]}', **environment}
        command = ['bash', ROOT / 'tools' / script, *arguments]
        done = subprocess.run(command, env=env, capture_output=True, text=True, cwd=tmp_path)
        return done.returncode, done.stdout.splitlines(), done.stderr

    run.fake = str(fake)
    return run


@pytest.mark.parametrize('tool', ['train', 'test'])
def test_several_machines(commands, tool, tmp_path):
    (tmp_path / 'my config.py').touch()
    files = ['my config.py', 'x.pth'][: 1 + (tool == 'test')]
    machine = dict(NNODES='2', NODE_RANK='1', MASTER_ADDR='10.0.0.1', PORT='29501')
    arguments = (f'dist_{tool}.sh', *files, '4', '--work-dir', 'a b')
    status, said, _ = commands(*arguments, PYTHON=commands.fake, **machine)
    assert status == 0
    assert said[1:] == [
        *(f'{ROOT}/tools/torchrun.py', '--nnodes=2', '--node_rank=1'),
        *('--master_addr=10.0.0.1', '--master_port=29501', '--nproc_per_node=4'),
        *(f'{ROOT}/tools/{tool}.py', *files, '--launcher', 'pytorch', '--work-dir', 'a b'),
    ]
    status, said, _ = commands(*arguments, PYTHON=commands.fake)
    assert said[2:4] == ['--standalone', '--nproc_per_node=4']


@pytest.mark.parametrize('tool', ['train', 'test'])
def test_slurm(commands, tool):
    files = ['my config.py', 'x.pth'][: 1 + (tool == 'test')]
    values = dict(GPUS='16', CPUS_PER_TASK='6', SRUN_ARGS='--time=1:00 --exclusive', PORT='29502')
    arguments = (f'slurm_{tool}.sh', 'gpu', 'job', *files, '--amp')
    status, said, _ = commands(*arguments, **values)
    assert status == 0
    end = [f'{ROOT}/tools/{tool}.py', *files, '--launcher', 'slurm', '--amp']
    assert said == [
        *('29502', '--partition=gpu', '--job-name=job', '--gres=gpu:8', '--ntasks=16'),
        *('--ntasks-per-node=8', '--cpus-per-task=6', '--kill-on-bad-exit=1'),
        *('--time=1:00', '--exclusive', 'python', '-u', *end),
    ]
    _, said, _ = commands(*arguments, GPUS='2')
    assert said[3:6] == ['--gres=gpu:2', '--ntasks=2', '--ntasks-per-node=2']
    _, said, _ = commands(*arguments, GPUS='4', GPUS_PER_NODE='1')
    assert said[3:6] == ['--gres=gpu:1', '--ntasks=4', '--ntasks-per-node=1']


@pytest.mark.parametrize('script', ['dist_train', 'dist_test', 'slurm_train', 'slurm_test'])
def test_too_few_arguments(commands, script):
    status, _, stderr = commands(f'{script}.sh', 'config.py')
    assert status == 2
    assert stderr.startswith(f'usage: tools/{script}.sh ')
    assert subprocess.run(['bash', '-n', ROOT / f'tools/{script}.sh']).returncode == 0


@pytest.mark.parametrize('tool', ['train', 'test'])
@pytest.mark.parametrize(
    ('config', 'processes', 'message'),
    [
        ('gone.py', '1', 'There is no config gone.py: check the path.'),
        *(
            (
                'here.py',
                number,
                f"PROCESSES is '{number}': give the number of processes on this machine, from 1.",
            )
            for number in ('0', 'x', '-1', '1.5', '')
        ),
    ],
)
def test_wrong_arguments(commands, tmp_path, tool, config, processes, message):
    (tmp_path / 'here.py').touch()
    files = [config, 'x.pth'][: 1 + (tool == 'test')]
    status, said, stderr = commands(f'dist_{tool}.sh', *files, processes, PYTHON=commands.fake)
    assert (status, said, stderr) == (2, [], f'error: {message}\n')


# how a process ends -> the launcher's status, and the last lines of all
ENDS = {
    'raise ValueError("boom")': (
        1,
        ['ValueError: boom', 'error: process 0 failed: its traceback is above.'],
    ),
    'import os; os.kill(os.getpid(), 9)': (
        137,
        ['error: process 0 was ended by SIGKILL, as when the memory is full.'],
    ),
    'import sys; print("error: Do so.", file=sys.stderr); sys.exit(2)': (2, ['error: Do so.']),
    'pass': (0, []),
}


@pytest.mark.parametrize('code', ENDS)
def test_the_message_of_the_process_comes_last(tmp_path, lines, code):
    script = tmp_path / 'script.py'
    script.write_text(code + '\n')
    launcher = [ROOT / 'tools/torchrun.py', '--standalone', '--nproc_per_node=1']
    done = lines.run(*launcher, script, cwd=tmp_path)
    status, ends = ENDS[code]
    said = done.stderr.splitlines()
    assert done.status == status
    assert said[len(said) - len(ends) :] == ends
    assert 'ChildFailedError' not in done.stderr
