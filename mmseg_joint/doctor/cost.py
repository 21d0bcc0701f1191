from __future__ import annotations

import time
from datetime import timedelta
from inspect import signature
from typing import Any

import torch
from mmengine.config import Config
from mmengine.model import revert_sync_batchnorm
from mmengine.optim import build_optim_wrapper
from mmengine.runner import Runner
from torch import nn
from torch.optim import Optimizer

from mmseg_joint.engine.launch import without_workers
from mmseg_joint.errors import JointError, reason_of
from mmseg_joint.runtime import choose_threads
from mmseg_joint.utils.memory import peak_bytes
from mmseg_joint.utils.unwrapped import optimizers_of

from .report import Report

MEGA, GIGA = 1e6, 1e9


def show_memory(model: nn.Module, optim_wrapper: Any, report: Report) -> None:
    """Print the memory of parameters, gradients and optimizers, and the size of a checkpoint."""
    parameters = list(model.parameters())
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    weights = _bytes([*parameters, *model.buffers()])
    optimizers = {} if optim_wrapper is None else optimizers_of(optim_wrapper)
    states = sum(map(state_bytes, optimizers.values()))
    count = sum(parameter.numel() for parameter in parameters)
    report.line('parameters', f'{count / MEGA:,.1f} million, {_size(weights)} with buffers')
    for name, optimizer in optimizers.items():
        held = [value for group in optimizer.param_groups for value in group['params']]
        number = sum(value.numel() for value in held if value.requires_grad) / MEGA
        report.line('', f'{name}: {number:,.2f} million, {type(optimizer).__name__}')
    if optim_wrapper is not None:
        total = weights + _bytes(trained) + states
        report.line(
            'memory',
            f'{_size(total)}: weights {_size(weights)}, gradients {_size(_bytes(trained))}, '
            f'optimizers {_size(states)}; the maps of the images come on top (--step)',
        )
        report.line('checkpoint', f'{_size(weights + states)} on the disk')


def state_bytes(optimizer: Optimizer) -> int:
    """Return the bytes of an optimizer's state, extrapolated from one step of a small copy."""
    probe = nn.Parameter(torch.zeros(8))
    probe.grad = torch.zeros(8)
    kind = type(optimizer)
    known = signature(kind).parameters  # AdamW's defaults include keys that its constructor rejects
    copy = kind([probe], **{key: x for key, x in optimizer.defaults.items() if key in known})
    copy.step()
    state = [value for value in copy.state[probe].values() if isinstance(value, torch.Tensor)]
    copies = sum(value.shape == probe.shape for value in state)
    held = (value for group in optimizer.param_groups for value in group['params'])
    return copies * _bytes(value for value in held if value.requires_grad)


def time_step(cfg: Config, model: nn.Module, report: Report) -> None:
    """Take two real steps (weights change) on the config's own data, and time the second."""
    device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    if device.type == 'cpu':
        model = revert_sync_batchnorm(model)
        crowded = choose_threads()
        if crowded:
            report.line('threads', crowded)
    model = model.to(device).train()
    try:
        optim_wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
        optim_wrapper.initialize_count_status(model, 0, 2)
        loader = without_workers(cfg.train_dataloader)
        batches = iter(Runner.build_dataloader(loader, seed=0))
        for _ in range(2):
            begin = time.perf_counter()
            batch = next(batches)
            loaded = time.perf_counter()
            model.train_step(batch, optim_wrapper)
            if device.type == 'cuda':
                torch.cuda.synchronize()
            stepped = time.perf_counter()
    except Exception as error:  # a step runs all of the code, the user's too
        said = f' ({type(error).__name__}: {reason_of(error)}): train with --debug.'
        report.problem(f'a step fails{f": {error}" if isinstance(error, JointError) else said}')
        return
    loading, step = loaded - begin, stepped - loaded
    workers = cfg.train_dataloader.get('num_workers', 0)
    report.line(
        'a step',
        f'{step:.2f} s on the {"GPU" if device.type == "cuda" else "CPU"}; its images load in '
        f'{loading:.2f} s in one process; training will use {max(workers, 1)}',
    )
    max_iters = (cfg.get('train_cfg') or {}).get('max_iters')
    if max_iters:
        slower = max(step, loading / workers) if workers else step + loading
        duration = timedelta(seconds=round(slower * max_iters))
        report.line('training', f'{max_iters:,} steps, {duration} without validation')
    peak = peak_bytes(device)
    if peak:
        report.line('peak memory', _size(peak))


def _bytes(tensors: Any) -> int:
    return sum(value.numel() * value.element_size() for value in tensors)


def _size(count: float) -> str:
    return f'{count / GIGA:,.1f} GB' if count >= GIGA else f'{count / MEGA:,.1f} MB'
