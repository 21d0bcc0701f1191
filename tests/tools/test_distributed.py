"""Two processes on a CPU, started as a user starts them."""

from __future__ import annotations

import os
import subprocess
import sys

import torch

from tests.tiny_configs import ROOT, tiny


def test_two_processes_equal_one_with_twice_the_batch(roots, tmp_path):
    cfg = tiny(ROOT / 'configs/hrs_fcn8s_streets.py', roots, tmp_path / 'one')
    cfg.model.backbone.dropout_ratio = 0.0
    # the labels of D are drawn for each picture: fixed here, so that both runs draw the same
    cfg.model.objectives.gan.update(real_label=(0.9, 0.9), fake_label=(0.1, 0.1))
    # every picture wholly labelled, so that the mean over ranks is the mean over pixels
    for domain in cfg.train_dataloader.dataset.domains.values():
        for step in domain.pipeline:
            if step.type == 'LoadMappedAnnotations':
                step.type = 'LoadCompleteAnnotations'
    cfg.custom_imports.imports.append('tests.tools.complete_labels')
    cfg.randomness.update(seed=1)
    weights = {}
    for count, share in ((1, 2), (2, 1)):
        cfg.train_dataloader.update(batch_size=2 * share)
        cfg.train_dataloader.sampler.shares.update(source=share, target=share)
        cfg.work_dir = str(tmp_path / str(count))
        path = tmp_path / f'ranks{count}.py'
        cfg.dump(path)
        launch = ['-m', 'torch.distributed.run', '--standalone', f'--nproc_per_node={count}']
        done = subprocess.run(
            [sys.executable, *launch, ROOT / 'tools/train.py', path, '--launcher', 'pytorch'],
            env={**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        checkpoint = torch.load(tmp_path / str(count) / 'iter_2.pth', weights_only=False)
        weights[count] = checkpoint['state_dict']
    assert set(weights[1]) == set(weights[2])
    for name, value in weights[1].items():
        torch.testing.assert_close(weights[2][name], value, rtol=0, atol=2e-5, msg=name)
