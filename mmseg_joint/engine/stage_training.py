from __future__ import annotations

import gc
import logging
from pathlib import Path

import torch
from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.runner import Runner

from mmseg_joint.checkpoints.read import read_content, tensors_of
from mmseg_joint.engine.launch import ready_runner, resume_hint_on_interrupt
from mmseg_joint.engine.stages import Stage, stage_of_checkpoint
from mmseg_joint.errors import JointError
from mmseg_joint.utils.atomic_write import atomic_write
from mmseg_joint.utils.unwrapped import unwrapped

MAX_NAMES = 6  # parameters named in the log


def train_stages(stages: list[Stage], work_dir: str, resume: str | None = None) -> None:
    """Train the stages in order, each from the last weights of the one before.

    Only weights carry over: optimizers, schedules, iteration count and random numbers start anew.
    At the end, `last_checkpoint` in the work dir names the last stage's.

    Args:
        stages: Returned by :func:`read_stages`.
        work_dir: The parent folder of the stages.
        resume: None starts anew. `'auto'` skips complete stages and goes on in the next, from its
            newest checkpoint if it has one. A path resumes from that checkpoint, in the stage whose
            folder holds it.

    Raises:
        JointError: When a stage that would start anew has checkpoints, the path is in no stage's
            folder, or none of a stage's weights fit the next one.
    """
    # every rank reads the same here: no checkpoint is written before all of them train
    first, checkpoint = _where_to_begin(stages, resume)
    before = None
    if first and checkpoint is None:
        newest = stages[first - 1].newest
        before = newest and newest.path
    for stage in stages[first:]:
        _train(stage, checkpoint, before)
        before, checkpoint = _end_of(stage, is_last=stage is stages[-1]), None
    if is_main_process():
        atomic_write(Path(work_dir, 'last_checkpoint'), str(before))


def _where_to_begin(stages: list[Stage], resume: str | None) -> tuple[int, Path | None]:
    """Return the index of the stage to begin with, and the checkpoint in the middle of it."""
    if resume is None:
        _refuse_to_overwrite(stages, 'add --resume to go on from them')
        return 0, None
    if resume == 'auto':
        # a complete last stage takes no step, but ends as an uninterrupted run does
        incomplete = (i for i, stage in enumerate(stages) if not stage.is_complete)
        first = next(incomplete, len(stages) - 1)
        newest = stages[first].newest
        checkpoint = newest and newest.path
    else:
        stage = stage_of_checkpoint(stages, resume)
        if stage is None:
            names = ', '.join(stage.name for stage in stages)
            raise JointError(
                f"--resume {resume} lies in no stage's folder ({names}): give a checkpoint of a "
                'stage, or --resume alone.'
            )
        first, checkpoint = stages.index(stage), Path(resume)
    remedy = f'leave the schedule of "{stages[first].name}" before it as it was'
    if resume != 'auto':
        remedy = 'go on there with --resume alone'
    _refuse_to_overwrite(stages[first + 1 :], remedy)
    return first, checkpoint


def _refuse_to_overwrite(stages: list[Stage], remedy: str) -> None:
    for stage in stages:
        if stage.newest is not None:
            raise JointError(
                f'{stage.folder} has checkpoints of stage "{stage.name}", which would start anew: '
                f'{remedy}, give another --work-dir, or remove the folder.'
            )


def _train(stage: Stage, checkpoint: Path | None, before: Path | None) -> None:
    cfg = stage.cfg
    cfg.resume = checkpoint is not None
    if checkpoint or before:
        cfg.load_from = str(checkpoint or before)
    runner = ready_runner(cfg, 'train', check_weights=before is None)  # only a user's file
    if checkpoint is None and before is not None:
        _check_start(runner, before, stage.name)
    with resume_hint_on_interrupt(runner):
        runner.train()
    # the next stage's networks need the memory, and loops and runner reference each other
    del runner
    gc.collect()
    torch.cuda.empty_cache()


def _check_start(runner: Runner, checkpoint: Path, name: str) -> None:
    """Log how much of the previous stage carries over; refuse weights that fit nowhere."""
    state = tensors_of(read_content(str(checkpoint), keep=True), str(checkpoint))
    model = unwrapped(runner.model)
    own = model.state_dict()
    fresh = [
        key for key, value in own.items() if key not in state or state[key].shape != value.shape
    ]
    surprising = [key for key in fresh if not key.startswith('objectives.')]
    if all(key.startswith('objectives.') for key in own.keys() - set(fresh)):
        kinds = f'{type(model.backbone).__name__}, {type(model.decode_head).__name__}'
        raise JointError(
            f'Stage "{name}" starts from {checkpoint}, of which no parameter fits its segmentor '
            f'({kinds}): give both stages the same backbone and heads.'
        )
    message = f'Stage "{name}": {len(own) - len(fresh)} of {len(own)} parameters from {checkpoint}'
    if fresh:
        shown = sorted(fresh, key=lambda key: key.startswith('objectives.'))
        dots = ', …' if len(shown) > MAX_NAMES else ''
        message += f'; start fresh: {", ".join(shown[:MAX_NAMES])}{dots}'
    runner.logger.log(logging.WARNING if surprising else logging.INFO, message)


def _end_of(stage: Stage, is_last: bool) -> Path:
    """Return the last checkpoint of a trained stage."""
    # rank 0 wrote the file, and tells the others when it is complete
    shared = [stage.newest if is_main_process() else None]
    broadcast_object_list(shared)
    (newest,) = shared
    if newest is None or (newest.step < stage.total and not is_last):
        where = f'at {newest.step}' if newest else 'nowhere'
        raise JointError(
            f'Stage "{stage.name}" ended before {stage.total}, its newest checkpoint is {where}: '
            'stop no stage early that others follow.'
        )
    return newest.path
