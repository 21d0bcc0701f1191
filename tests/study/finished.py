"""Writes studies with finished runs, without training."""

from __future__ import annotations

import json
from pathlib import Path

from mmseg_joint.study.study import Study, read_study
from tests.study.logs import CONFIG, SUBSET, trained, validated, write_start

CLASSES = ('soil', 'crop')


def write_finished(folder: Path, scores: dict, total: int = 40) -> Study:
    """Write `scores[method][labels]`, one mIoU per seed; one class is 10 above, the other below.

    None stands for a seed without a run. A method without labels is `<method>_0` with the number 0.
    """
    content = {'config': 'mine.py', 'total': 40, 'chosen': {stem: [] for stem in scores}}
    (folder / 'configs').mkdir(parents=True)
    (folder / 'study.json').write_text(json.dumps(content))
    for stem, by_labels in scores.items():
        unlabeled = 0 in by_labels
        target = "dict(type='CamVidDataset')" if unlabeled else SUBSET.format(1)
        config = CONFIG.format(total=total, seed=0, share=int(not unlabeled), target=target)
        (folder / f'configs/{stem}.py').write_text(config)
        for labels, values in by_labels.items():
            for seed, miou in enumerate(values):
                if miou is None:
                    continue
                lines = [*trained(total // 2, total, memory=512.0), _validated(total, miou)]
                run = folder / stem / str(labels) / f'seed{seed}'
                write_start(run, lines, total, labels=labels, seed=seed)
    return read_study(folder)


def _validated(step: int, miou: float) -> dict:
    ious = {f'IoU.{name}': miou + sign for name, sign in zip(CLASSES, (10, -10))}
    return {**validated(step, miou), **ious}
