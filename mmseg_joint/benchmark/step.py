from __future__ import annotations

from functools import partial
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmseg_joint.errors import JointError
from mmseg_joint.utils.unwrapped import optimizers_of, unwrapped

from .batches import Batch, labeled, random_batch, shares_of
from .breakdown import flops_by_part, seconds_by_part
from .configs import plain_beside
from .loop import BenchmarkLoop
from .reference import reference
from .report import Measured, Report
from .settings import Settings
from .timing import interleaved, loading_time, ratio
from .variants import Variant, started

PLAIN, BARE = 'plain supervised', 'bare'
SAME_LOSS = 1e-3  # the bare loop's loss may differ by rounding, but not more


def measure(cfg: Config, name: str, settings: Settings, plain: Config | None = None) -> Report:
    """Measure a config, together with the plain supervised config and the bare loop.

    Without `plain`, the plain config is derived from `cfg`.
    """
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    torch.manual_seed(0)
    # first, since the data is the most likely thing to be missing
    data = loading_time(cfg, settings) if settings.data else None
    plain = plain or plain_beside(cfg)
    shares = shares_of(cfg, settings.share)
    classes = cfg.model.decode_head.num_classes
    variants = {name: Variant(cfg, random_batch(shares, classes, settings))}
    if plain is not None:
        variants[PLAIN] = Variant(plain, random_batch(labeled(shares), classes, settings))
    with started(variants, settings) as (loops, peaks):
        dtype = loops[name].runner.cfg.optim_wrapper.get('dtype') or 'float32'
        steps = {key: partial(loops[key].step, one.batch) for key, one in variants.items()}
        bare, note = _bare(loops[name], variants[name].batch, dtype)
        if bare is not None:
            steps[BARE] = partial(bare.step, variants[name].batch)
        times = interleaved(steps, settings)
        measured = {
            key: Measured(
                seconds=times[key],
                images=len(one.batch['inputs']),
                parts=seconds_by_part(loops[key], one.batch, settings),
                flops=flops_by_part(loops[key], one.batch),
                peak_memory=peaks.get(key),
            )
            for key, one in variants.items()
        }
    report = Report(measured, settings.conditions(shares, dtype), data=data)
    report.bare, report.bare_note = times.get(BARE), note
    if bare is not None:
        report.ratios['runner / bare'] = ratio(times[name], times[BARE])
    if plain is not None:
        factor = measured[name].total_flops / measured[PLAIN].total_flops
        report.ratios['measured / predicted'] = ratio(times[name], times[PLAIN], factor)
    return report


def _bare(loop: BenchmarkLoop, batch: Batch, dtype: str) -> tuple[Any, str | None]:
    """Return the bare loop over a Runner's model, or why there is none."""
    model = unwrapped(loop.runner.model)
    try:
        module = reference('bare')
    except JointError as error:
        return None, str(error)
    missing = module.not_written(model)
    if missing:
        return None, f'the bare loop was not written for {missing}'
    bare = module.BareLoop(model, optimizers_of(loop.runner.optim_wrapper), dtype)
    theirs, ours = module.losses_of_both(model, bare, batch, loop.runner.optim_wrapper)
    if abs(theirs - ours) > SAME_LOSS * abs(theirs):
        return None, f"the bare loop's loss is {ours:.6g}, the model's {theirs:.6g}"
    return bare, None
