from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.runner import Runner
from mmseg.registry import RUNNERS
from torch import nn

from mmseg_joint.checkpoints.find import checkpoint_to_resume
from mmseg_joint.checks import findings, refuse
from mmseg_joint.checks.parts import check_refusal
from mmseg_joint.errors import JointError
from mmseg_joint.runtime import choose_threads, setup
from mmseg_joint.utils.unwrapped import unwrapped
from mmseg_joint.utils.walk import dicts_in

_names_taken: set[str] = set()


def ready_runner(cfg: Config, task: str, check_weights: bool = True) -> Runner:
    """Build the Runner for a task, `'train'` or `'test'`, and check what it has built.

    With `check_weights`, the config's checkpoint is compared with the model, too.

    Raises:
        JointError: When a check finds a mistake.
    """
    runner = build_runner(cfg, task)
    model = unwrapped(runner.model)
    refuse('model', task, cfg, model)
    for name, objective in getattr(model, 'objectives', {}).items():
        refuse('objective', task, cfg, name, objective)
    if check_weights:
        refuse('weights', task, cfg, model)
    with _explained(cfg, task):
        loops = {'train': runner.train_loop} if task == 'train' else {'test': runner.test_loop}
        if task == 'train' and runner.val_loop is not None:
            loops['val'] = runner.val_loop
    for name, loop in loops.items():
        for moment in ('data', 'files'):
            refuse(moment, task, model, loop.dataloader.dataset, f'{name}_dataloader.dataset')
    for advice in findings('advice', task, cfg):
        runner.logger.warning(str(advice))
    return runner


def build_runner(cfg: Config, task: str = 'train') -> Runner:
    """Build the Runner for a task, mmengine's or that of `runner_type`, in a process set up for it.

    Raises:
        JointError: When nothing could start with the config, or the launcher has started nothing.
    """
    refuse('config', task, cfg)  # also the launcher's variables: mmengine's registries read them
    settings = setup()
    _name_apart(cfg)
    if task == 'train':
        pin_memory(cfg.get('train_dataloader'))
    if cfg.get('launcher', 'none') == 'pytorch' and not torch.cuda.is_available():
        settings += _prepare_cpu_ranks(cfg)
    deterministic = cfg.get('randomness', {}).get('deterministic')
    if deterministic:  # cuBLAS reads this when it is first used
        os.environ.setdefault('CUBLAS_WORKSPACE_CONFIG', ':4096:8')
    with _explained(cfg, task):
        runner = RUNNERS.build(cfg) if 'runner_type' in cfg else Runner.from_cfg(cfg)
    if deterministic:
        # mmengine would stop at a kernel that has no deterministic form
        torch.use_deterministic_algorithms(True, warn_only=True)
    runner.logger.info(settings)
    if cfg.get('compile') and task == 'train':
        compile_networks(runner)
    crowded = choose_threads() if task == 'train' else ''
    if crowded:
        runner.logger.warning(crowded)
    return runner


def compile_networks(runner: Runner) -> None:
    """Compile backbone and neck instead of the whole training step, for `compile` in the config.

    mmengine compiles `train_step`, whose Python code PyTorch's compiler cannot follow, not even in
    mmseg's own models. Most of the time goes into backbone and neck, and their parameters keep
    their names. Validation, with other sizes and without gradients, would recompile them, so it
    runs uncompiled.
    """
    options = runner.cfg.compile if isinstance(runner.cfg.compile, dict) else {}
    runner.cfg.compile = False
    model = unwrapped(runner.model)
    parts = [name for name in ('backbone', 'neck') if getattr(model, name, None) is not None]
    for name in parts:
        _compile_training(getattr(model, name), options)
    runner.logger.info(f'Compiled in the first steps, which are slow: {", ".join(parts)}.')


def _compile_training(part: nn.Module, options: dict[str, Any]) -> None:
    part.compile(**options)
    compiled, plain = part._compiled_call_impl, part._call_impl

    def call(*arguments: Any, **named: Any) -> Any:
        return (compiled if part.training else plain)(*arguments, **named)

    part._compiled_call_impl = call


@contextmanager
def resume_hint_on_interrupt(runner: Runner) -> Iterator[None]:
    """When the user stops a training, say in the KeyboardInterrupt how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        name = os.path.basename(checkpoint_to_resume(runner.cfg) or '')
        then = f'go on from {name} with --resume' if name else 'no checkpoint has been written yet'
        raise KeyboardInterrupt(f'at iteration {runner.iter}, {then}.') from None


def pin_memory(loader: dict[str, Any] | None) -> None:
    """Let a thread take batches from the workers, if there is a GPU and the config sets nothing.

    Otherwise the training process opens and reads each batch's shared memory between two steps.
    """
    if loader and torch.cuda.is_available():
        loader.setdefault('pin_memory', True)


def without_workers(loader: dict[str, Any]) -> dict[str, Any]:
    """Copy the config of a data loader for one that loads in this process.

    Without workers, PyTorch refuses what else concerns them.
    """
    unused = ('persistent_workers', 'prefetch_factor', 'multiprocessing_context', 'timeout')
    return {**{key: value for key, value in loader.items() if key not in unused}, 'num_workers': 0}


def close_process_group() -> None:
    """Shut down distributed training, if any, before Python exits.

    If the group stays open, or the model's wrapper holds it, gloo may abort the process.
    """
    if torch.distributed.is_initialized():
        gc.collect()
        torch.distributed.destroy_process_group()


def use_mixed_precision(cfg: Config) -> None:
    """Apply `--amp`: bfloat16, or float16 with loss scaling on a GPU without bfloat16.

    A scaler makes the host wait for the GPU before each optimizer's step.

    Raises:
        JointError: When the optimizer wrapper does not support mixed precision.
    """
    wrapper = cfg.get('optim_wrapper')
    if not wrapper:
        return  # the checks will report it
    if wrapper.get('constructor') == 'JointOptimWrapperConstructor':
        if wrapper.get('dtype') in (None, 'float32'):
            old = torch.cuda.is_available() and not torch.cuda.is_bf16_supported(
                including_emulation=False
            )
            wrapper.dtype = 'float16' if old else 'bfloat16'
    elif wrapper.get('type', 'OptimWrapper') == 'OptimWrapper':
        wrapper.type = 'AmpOptimWrapper'
        wrapper.setdefault('loss_scale', 'dynamic')
    elif wrapper.type != 'AmpOptimWrapper':
        raise JointError(
            f'--amp does not go with optim_wrapper.type="{wrapper.type}": use '
            "constructor='JointOptimWrapperConstructor' or type='OptimWrapper'."
        )


@contextmanager
def _explained(cfg: Config, task: str) -> Iterator[None]:
    """Name the part of the config that fails to build."""
    try:
        yield
    except JointError:
        raise
    except Exception as error:
        check_refusal(cfg, task, error)
        raise


def _name_apart(cfg: Config) -> None:
    """Give each run in a process its own names.

    mmengine keeps logger, message hub and visualizer for the whole process. Runs that start in the
    same second, or configs with the same visualizer name, would share them: the later run would
    continue the log, the best scores or the folder of the earlier one.
    """
    base = cfg.get('experiment_name') or (Path(cfg.filename).stem if cfg.filename else 'run')
    name, number = base, 1
    while name in _names_taken:
        number += 1
        name = f'{base}_{number}'
    _names_taken.add(name)
    if number > 1:
        cfg.experiment_name = name
    if cfg.get('visualizer'):
        cfg.visualizer.pop('name', None)  # it takes the run's


def _prepare_cpu_ranks(cfg: Config) -> str:
    """Let several processes train on a CPU, and return what was changed, for the log.

    mmengine's launcher calls `torch.cuda.set_device`, and its default wrapper names a GPU; an
    existing process group and a wrapper without a device avoid both. SyncBatchNorm works on GPUs
    only.
    """
    os.environ.setdefault('LOCAL_RANK', '0')
    if not torch.distributed.is_initialized():
        torch.distributed.init_process_group('gloo')
    cfg.setdefault(
        'model_wrapper_cfg',
        {'type': 'MMDistributedDataParallel', 'device_ids': None, 'broadcast_buffers': False},
    )
    synced = [n for _, n in dicts_in(cfg.get('model')) if n.get('type') in ('SyncBN', 'MMSyncBN')]
    for norm in synced:
        norm['type'] = 'BN'
    if not synced:
        return ''
    return ' SyncBN needs GPUs and is BN here: each process takes the statistics of its own images.'
