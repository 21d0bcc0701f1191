"""A run with a mix, an averaged copy and gradient reversal, started as a user starts it."""

from __future__ import annotations

import signal

import torch
from mmengine.config import Config

from tests.tiny_configs import ROOT, SIZE, tiny
from tests.tools.running import train

STEPS, WINDOW = 5, 2
OWN = 'tests.models.objectives.seam_objectives'
OBJECTIVES = dict(
    mix=dict(type='SeamMix'), average=dict(type='SeamAverage'), reversal=dict(type='SeamReversal')
)


def test_it_resumes_bit_for_bit_inside_a_window(roots, tmp_path):
    cfg = tiny(ROOT / 'configs/ga_squeezenet_streets_camvid.py', roots, tmp_path / 'whole')
    cfg.model.objectives = OBJECTIVES
    segmentor = cfg.optim_wrapper.segmentor
    cfg.optim_wrapper.update(ga=None, reversal=segmentor, accumulative_counts=WINDOW)
    cfg.optim_wrapper.reversal.pop('paramwise_cfg')
    for domain in cfg.train_dataloader.dataset.domains.values():
        pipeline = domain.get('dataset', domain).pipeline
        pipeline[:] = [step for step in pipeline if step.type not in ('RandomResize', 'RandomCrop')]
        pipeline.insert(-1, dict(type='Resize', scale=SIZE))
    cfg.train_cfg.update(max_iters=STEPS, val_interval=STEPS)
    cfg.default_hooks.checkpoint.update(interval=1)
    cfg.custom_imports.imports += [
        'tests.tools.stopping',
        'tests.models.objectives.seam_objectives',
    ]
    cfg.dump(tmp_path / 'whole.py')
    killed = Config.fromfile(tmp_path / 'whole.py')
    killed.custom_hooks.append(dict(type='StopHook', folder='killed', step=4, kill=True))
    killed.dump(tmp_path / 'killed.py')

    assert train(tmp_path / 'whole.py') == 0
    folder = tmp_path / 'killed'
    status = train(tmp_path / 'killed.py', '--work-dir', folder)
    assert status == -signal.SIGKILL and (folder / 'iter_3.pth').exists()
    assert train(tmp_path / 'whole.py', '--work-dir', folder, '--resume') == 0
    whole, resumed = (
        torch.load(path / f'iter_{STEPS}.pth', weights_only=False)['state_dict']
        for path in (tmp_path / 'whole', folder)
    )
    assert whole['objectives.average.steps'] == 3
    for name, value in whole.items():
        assert torch.equal(resumed[name], value), name
    prefix = 'objectives.average.teacher.'
    teacher = {n.removeprefix(prefix): v for n, v in whole.items() if n.startswith(prefix)}
    assert teacher.keys() == {name for name in whole if not name.startswith('objectives.')}
    assert any(not torch.equal(value, whole[name]) for name, value in teacher.items())
