from __future__ import annotations

from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_joint.checkpoints.find import checkpoint_to_resume
from mmseg_joint.checkpoints.read import read_content
from mmseg_joint.checks import refuse
from mmseg_joint.errors import JointError
from mmseg_joint.utils.walk import value_of

from .launch import close_process_group, ready_runner, resume_hint_on_interrupt, use_mixed_precision
from .recompute_norm import recompute_norm_of
from .stage_training import train_stages
from .stages import read_stages
from .work_dir import locked, refuse_other_run


def train(cfg: Config, resume: str | None = None, amp: bool = False) -> None:
    """Run the training that a config describes, in stages if it has any.

    Args:
        cfg: The whole config, with `work_dir`; changed in place.
        resume: None does as the config says, `'auto'` resumes from the newest checkpoint in the
            work dir, and a path from that one.
        amp: Train in mixed precision.

    Raises:
        JointError: When the config, its data or a checkpoint has a mistake.
    """
    if cfg.get('stages') is None:
        _train(cfg, resume, amp)
    else:
        stages = read_stages(cfg)
        for stage in stages:  # before the first one trains
            refuse('config', 'train', stage.cfg)
            if amp:
                use_mixed_precision(stage.cfg)
        with locked(cfg.work_dir):
            train_stages(stages, cfg.work_dir, resume or ('auto' if cfg.get('resume') else None))
    close_process_group()


def test(cfg: Config, recompute_norm: int | None = None) -> None:
    """Test the checkpoint that a config loads.

    Args:
        cfg: The whole config, with `work_dir` and `load_from`; changed in place.
        recompute_norm: Images from which to recompute the batch norms' averages; None for none.

    Raises:
        JointError: When the config, its data or the checkpoint has a mistake.
    """
    cfg.resume = False  # of a training, which mmengine would build with its data
    runner = ready_runner(cfg, 'test')
    if any(getattr(metric, 'output_dir', None) for metric in runner.test_evaluator.metrics):
        _refuse_equal_names(runner.test_dataloader.dataset)
    if recompute_norm:
        runner.load_or_resume()
        recompute_norm_of(runner.model, cfg, recompute_norm)
    runner.test()
    close_process_group()


def _refuse_equal_names(dataset: Any) -> None:
    """Refuse images of one name in several folders: mmseg's metrics write them to one file."""
    found: dict[str, str] = {}
    for index in range(len(dataset)):
        path = dataset.get_data_info(index)['img_path']
        other = found.setdefault(Path(path).stem, path)
        if other != path:
            raise JointError(
                f'The predictions of {other} and {path} would overwrite each other: test one '
                'folder at a time (test_dataloader.dataset.ann_file), or write them with '
                'tools/pseudo_labels.py, which keeps folders.'
            )


def _train(cfg: Config, resume: str | None, amp: bool) -> None:
    if amp:
        use_mixed_precision(cfg)
    if resume not in (None, 'auto'):
        cfg.resume, cfg.load_from = True, resume
    elif resume or (cfg.get('resume') and not cfg.get('load_from')):
        newest = checkpoint_to_resume(cfg)
        cfg.resume = newest is not None
        cfg.load_from = newest or cfg.get('load_from')
    if not cfg.get('resume'):
        refuse_other_run(cfg)
    runner = ready_runner(cfg, 'train')
    if resume and not cfg.resume:
        runner.logger.warning(f'{cfg.work_dir} has no whole checkpoint: training starts anew.')
    done = read_content(cfg.load_from, keep=True)['meta']['iter'] if cfg.get('resume') else 0
    if done and done == value_of(cfg, 'train_cfg.max_iters'):
        runner.logger.warning(
            f'{cfg.load_from} is at iteration {done}, where train_cfg.max_iters ends training: '
            'raise it to go on.'
        )
    with locked(cfg.work_dir), resume_hint_on_interrupt(runner):
        runner.train()
