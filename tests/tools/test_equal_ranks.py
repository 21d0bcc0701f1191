"""Two ranks equal one process with twice the shares, and resume where they were killed."""

from __future__ import annotations

import pytest
import torch

from tests.ranks import train_on_ranks
from tests.tiny_configs import ROOT, SIZE, tiny

STEPS = 3
TOLERANCE = 2e-7
SGD = dict(type='SGD', momentum=0.9, weight_decay=0.0)
NETWORKS = {'segmentor', 'ga', 'sa'}


def ga_csa(roots, work_dir):
    return tiny(ROOT / 'configs/ga_csa_squeezenet_streets_camvid.py', roots, work_dir)


def ga_fcsa(roots, work_dir):
    return tiny(ROOT / 'configs/ga_fcsa_squeezenet_streets_camvid.py', roots, work_dir)


def max_square_iw(roots, work_dir):
    return tiny(ROOT / 'configs/maxsquare_iw_squeezenet_streets_camvid.py', roots, work_dir)


def max_square_multi(roots, work_dir):
    cfg = tiny(ROOT / 'configs/maxsquare_iw_multi_deeplabv2_gta_city.py', roots, work_dir)
    cfg.model.backbone.norm_eval = (
        True  # a batch of one has different statistics from a batch of two
    )
    cfg.model.objectives.regularization.update(threshold=0.08, weight=1.0)  # of untrained heads
    return cfg


def prepare(cfg) -> None:
    """Remove the inherent differences between ranks, and make the comparison sharp."""
    cfg.stages = None
    cfg.model.data_preprocessor.std = [60.0] * 3
    cfg.optim_wrapper.dtype = 'float32'
    for name in cfg.optim_wrapper.keys() & NETWORKS:
        # near zero, Adam turns rounding errors into steps
        cfg.optim_wrapper[name].optimizer = dict(SGD, lr=3e-4 if name == 'segmentor' else 0.03)
    cfg.train_cfg.update(max_iters=STEPS, val_interval=STEPS)
    cfg.custom_imports.imports.append('tests.tools.watching')
    cfg.custom_hooks.append(dict(type='WatchHook'))
    for name, domain in cfg.train_dataloader.dataset.domains.items():
        pipeline = domain.get('dataset', domain).pipeline
        # images are padded to the largest of their process, so make all one size
        pipeline[:] = [step for step in pipeline if step.type not in ('RandomResize', 'RandomCrop')]
        pipeline.insert(-1, dict(type='Resize', scale=SIZE))
        if name != 'unlabeled':
            # mmseg's cross-entropy averages over a process's labeled pixels: give each as many
            pipeline.insert(-1, dict(type='IgnoreBand'))


@pytest.fixture
def trained(roots, tmp_path):
    """Train in one process and on two ranks; return what each saved, and the config."""

    def run(make):
        found = {}
        for count in (1, 2):
            cfg = make(roots, tmp_path / str(count))
            prepare(cfg)
            sampler = cfg.train_dataloader.sampler
            samples = {d: 2 // count for d, n in sampler.samples_per_domain.items() if n}
            sampler.update(samples_per_domain=samples)
            cfg.train_dataloader.batch_size = sum(samples.values())
            cfg.dump(tmp_path / f'{count}.py')
            train_on_ranks(tmp_path / f'{count}.py', count=count)
            found[count] = [load(tmp_path / f'{count}/rank_{rank}.pth') for rank in range(count)]
        return cfg, *found[1], *found[2]

    return run


def load(path) -> dict:
    return torch.load(path, weights_only=False)


def count_of(step: dict) -> float:
    """Return the number averaged over: pixels with a pseudo-label, or labeled features."""
    return step['logged'].get('regularization.confident_share', step['labeled'])


def network_of(name: str) -> str:
    parts = name.split('.')
    return parts[1] if parts[0] == 'objectives' else 'segmentor'


@pytest.mark.parametrize('make', [ga_csa, ga_fcsa, max_square_iw, max_square_multi])
def test_two_ranks_equal_one_process(trained, make):
    cfg, one, first, second = trained(make)
    assert (one['looks_for_unused'], first['looks_for_unused']) == (None, False)
    counts = []
    for whole, *parts in zip(one['steps'], first['steps'], second['steps']):
        draws = [part['draws'] for part in parts]
        assert draws[0].isdisjoint(draws[1])
        assert draws[0] | draws[1] == whole['draws']
        counts.append([count_of(part) for part in parts])
    assert any(ours != theirs for ours, theirs in counts)
    moved = dict.fromkeys(cfg.optim_wrapper.keys() & NETWORKS, 0.0)
    for name, value in one['end'].items():
        assert torch.equal(first['end'][name], second['end'][name]), name
        torch.testing.assert_close(first['end'][name], value, rtol=0, atol=TOLERANCE, msg=name)
        step = (value - one['start'][name]).abs().max().item()
        moved[network_of(name)] = max(moved[network_of(name)], step)
    assert all(step > 100 * TOLERANCE for step in moved.values()), moved


@pytest.mark.parametrize('config', ['hrs_fcn8s_streets', 'ga_csa_deeplabv2_gta_city'])
def test_two_ranks_resume_bit_for_bit(roots, tmp_path, config):
    """Inside a window, with dropout, label noise and batch statistics that differ by rank."""
    cfg = tiny(ROOT / f'configs/{config}.py', roots, tmp_path / 'whole')
    if 'hrs' in config:
        cfg.model.backbone.dropout_ratio = 0.5
    cfg.train_cfg.update(max_iters=4, val_interval=3)
    cfg.optim_wrapper.update(accumulative_counts=3)
    cfg.default_hooks.checkpoint.update(interval=2)
    cfg.custom_imports.imports.append('tests.tools.watching')
    cfg.custom_hooks.append(dict(type='WatchHook'))
    cfg.dump(tmp_path / 'cfg.py')
    whole, resumed = tmp_path / 'whole', tmp_path / 'resumed'
    train_on_ranks(tmp_path / 'cfg.py')
    train_on_ranks(tmp_path / 'cfg.py', '--work-dir', resumed, '--resume', whole / 'iter_2.pth')
    for rank in (0, 1):
        expected, got = (load(folder / f'rank_{rank}.pth') for folder in (whole, resumed))
        assert [step['draws'] for step in got['steps']] == [
            step['draws'] for step in expected['steps'][2:]
        ]
        for name, value in expected['end'].items():
            assert torch.equal(got['end'][name], value), (rank, name)
    saved = load(whole / 'iter_4.pth')['state_dict']  # buffers are the same, too
    for name, value in saved.items():
        assert torch.equal(expected['end'][name], value), name
