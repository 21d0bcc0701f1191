from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.model import is_model_wrapper
from mmengine.registry import init_default_scope
from torch import nn

from .bare import BareLoop, not_written
from .batches import Batch, labelled, random_batch, shares_of
from .breakdown import flops_by_part, seconds_by_part
from .configs import plain_beside, prepare
from .loading import loading_time
from .loop import BenchmarkLoop, start
from .memory import peak_memory
from .report import Measured, Report
from .settings import Settings
from .timing import interleaved, ratio

SAME_LOSS = 1e-3  # the bare loop's loss may differ by rounding, and by no more than this


def measure(cfg: Config, name: str, settings: Settings, plain: Config | None = None) -> Report:
    """Measure a config and the plain supervised config beside it.

    Args:
        cfg: The config.
        name: What the report calls it.
        settings: What is measured, and how often.
        plain: The plain config; None derives it from `cfg`.

    Returns:
        All numbers.
    """
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    torch.manual_seed(0)
    data = loading_time(cfg, settings) if settings.data else None  # the likeliest to be absent
    plain = plain or plain_beside(cfg)
    configs = {name: cfg} if plain is None else {name: cfg, 'plain supervised': plain}
    shares = shares_of(cfg, settings.share)
    classes = cfg.model.decode_head.num_classes
    batches = {name: random_batch(shares, classes, settings)}
    if plain is not None:
        batches['plain supervised'] = random_batch(labelled(shares), classes, settings)
    with tempfile.TemporaryDirectory() as folder:
        prepared = {
            key: prepare(value, settings, f'benchmark_{index}', str(Path(folder) / str(index)))
            for index, (key, value) in enumerate(configs.items())
        }
        peaks = {
            key: peak_memory(value, batches[key], settings) if settings.memory else None
            for key, value in prepared.items()
        }
        measured, bare = _steps(prepared, batches, settings)
    for key, peak in peaks.items():
        measured[key].peak_memory = peak
    report = Report(measured=measured, conditions=_conditions(prepared[name], shares, settings))
    _hold_against_bare(report, name, bare)
    _hold_against_flops(report)
    report.data = data
    return report


def _steps(
    prepared: dict[str, Config], batches: dict[str, Batch], settings: Settings
) -> tuple[dict[str, Measured], dict[str, Any]]:
    loops = {key: start(value) for key, value in prepared.items()}
    variants = {key: _step_of(loop, batches[key]) for key, loop in loops.items()}
    first = next(iter(loops))
    bare, note = _bare(loops[first], prepared[first], batches[first])
    if bare is not None:
        variants['bare'] = _step_of(bare, batches[first])
    times = interleaved(variants, settings)
    measured = {
        key: Measured(
            seconds=times[key],
            pictures=len(batches[key]['inputs']),
            parts=seconds_by_part(loop, batches[key], settings),
            flops=flops_by_part(loop, batches[key]),
        )
        for key, loop in loops.items()
    }
    return measured, {'seconds': times.get('bare'), 'note': note}


def _step_of(loop: BenchmarkLoop | BareLoop, batch: Batch) -> Any:
    return lambda: loop.step(batch)


def _bare(loop: BenchmarkLoop, cfg: Config, batch: Batch) -> tuple[BareLoop | None, str | None]:
    model = loop.runner.model
    model = model.module if is_model_wrapper(model) else model
    missing = not_written(model)
    if missing:
        return None, f'the bare loop was not written for {missing}'
    bare = BareLoop(model, loop.optimizers, cfg.optim_wrapper.get('dtype'))
    theirs, ours = losses_of_both(model, bare, batch, loop.runner.optim_wrapper)
    if abs(theirs - ours) > SAME_LOSS * abs(theirs):
        return None, f"the bare loop's loss is {ours:.6g}, the model's {theirs:.6g}"
    return bare, None


@torch.no_grad()
def losses_of_both(
    model: nn.Module, bare: BareLoop, batch: Batch, optim_wrapper: Any
) -> tuple[float, float]:
    """The total loss of one batch as the model and as the bare loop compute it.

    Args:
        model: The segmentor.
        bare: The loop over it.
        batch: The batch.
        optim_wrapper: Casts the model's forward.

    Returns:
        Both sums; dropout and label noise are drawn from the same seed.
    """
    model.train()
    torch.manual_seed(0)
    with optim_wrapper.optim_context(model):
        data = model.data_preprocessor(batch, training=True)
        theirs, _ = model.parse_losses(model.loss(**data))
    torch.manual_seed(0)
    return float(theirs), float(bare.loss(batch))


def _conditions(cfg: Config, shares: dict[str, int], settings: Settings) -> dict[str, Any]:
    cuda = settings.device_type == 'cuda'
    return {
        'size': list(settings.size),
        'shares': shares,
        'dtype': cfg.optim_wrapper.get('dtype') or 'float32',
        'device': torch.cuda.get_device_name() if cuda else 'cpu',
        'threads': torch.get_num_threads(),
        'steps': settings.steps,
        'torch': torch.__version__,
    }


def _hold_against_bare(report: Report, name: str, bare: dict[str, Any]) -> None:
    report.bare_note = bare['note']
    if bare['seconds']:
        report.bare = bare['seconds']
        report.ratios['runner / bare'] = ratio(report.measured[name].seconds, bare['seconds'])


def _hold_against_flops(report: Report) -> None:
    if len(report.measured) == 2:
        ours, plain = report.measured.values()
        factor = ours.total_flops / plain.total_flops
        report.ratios['measured / predicted'] = ratio(ours.seconds, plain.seconds, factor)
