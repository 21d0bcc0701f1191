from __future__ import annotations

import logging
import random
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.visualization.vis_backend import BaseVisBackend
from mmseg.registry import VISBACKENDS
from PIL import Image

from mmseg_joint.datasets import JointDataset, JointSampler
from mmseg_joint.engine import TrainingPicturesHook, training_pictures_hook
from mmseg_joint.engine.launch import build_runner
from mmseg_joint.engine.stage_training import train_stages
from mmseg_joint.engine.stages import read_stages
from mmseg_joint.errors import JointError
from mmseg_joint.models import HierarchicalWeighting
from mmseg_joint.visualization import contact_sheet
from tests.datasets.test_mixed_dataset import Numbers
from tests.tiny_configs import ROOT, tiny
from tests.tiny_stages import STEPS, tiny_stages
from tests.tools.test_exact_resume import same


@pytest.fixture(autouse=True)
def _small_sheets(monkeypatch):
    monkeypatch.setattr(contact_sheet, 'DPI', 20)


@pytest.fixture
def train(roots, tmp_path):
    """Train a tiny config in a folder, drawing every `interval` iterations."""

    def run(config, folder, interval, **changes):
        cfg = tiny(ROOT / f'configs/{config}.py', roots, tmp_path / folder)
        cfg.train_cfg.update(max_iters=4)
        cfg.val_dataloader = cfg.val_cfg = cfg.val_evaluator = None
        cfg.default_hooks.images.update(interval=interval, samples=1)
        cfg.merge_from_dict(changes)
        runner = build_runner(cfg)
        runner.train()
        return runner

    return run


def sheets(folder) -> dict:
    """Name of each image below a folder -> its pixels."""
    found = sorted(Path(folder, 'images').rglob('*'))
    return {
        str(path.relative_to(Path(folder, 'images'))): np.array(Image.open(path))
        for path in found
        if path.is_file()
    }


def state(runner) -> dict:
    optimizers = [wrapper.optimizer.state_dict() for wrapper in runner.optim_wrapper.values()]
    modes = {name: module.training for name, module in runner.model.named_modules()}
    learning = {name: p.requires_grad for name, p in runner.model.named_parameters()}
    generators = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()
    weights = dict(runner.model.state_dict())
    return [weights, optimizers, modes, learning, generators]


@pytest.mark.parametrize(
    'config, changes',
    [
        # dropout, noise of D, z of G, batch norm in both; no hook that seeds each iteration
        ('pixelda_fcn8s_gta_city', {'model.backbone.dropout_ratio': 0.5}),
        # batch norm of the segmentor, accumulated gradients, three domains
        ('ga_csa_deeplabv2_gta_city', {'optim_wrapper.accumulative_counts': 3}),
    ],
)
def test_a_run_with_images_ends_as_the_one_without(train, config, changes):
    ends = []
    for interval in (0, 1):
        runner = train(config, str(interval), interval, custom_hooks=[], **changes)
        assert bool(sheets(runner.work_dir)) == bool(interval)
        ends.append(state(runner))
    assert ends[0][0]
    for without, drawn in zip(*ends):
        assert same(drawn, without)


HRS = 'hrs_fcn8s_streets'
DRAWN = {f'{domain}_0/iter_{step:06d}.png' for domain in ('source', 'target') for step in (2, 4)}


def test_a_resumed_run_draws_what_the_whole_one_does(train, tmp_path):
    checkpoints = {'default_hooks.checkpoint.interval': 2}
    whole = sheets(train(HRS, 'whole', 2, **checkpoints).work_dir)
    assert set(whole) == DRAWN
    start = {'load_from': str(tmp_path / 'whole/iter_2.pth'), 'resume': True}
    # another seed: the samples do not depend on it
    resumed = sheets(train(HRS, 'resumed', 2, **start).work_dir)
    assert set(resumed) == {name for name in DRAWN if '4.png' in name}
    for name, sheet in resumed.items():
        np.testing.assert_array_equal(sheet, whole[name])
    # training went on between the two
    first, second = (whole[f'source_0/iter_00000{step}.png'] for step in (2, 4))
    assert (first != second).any()


def test_each_stage_draws_in_its_own_folder(roots, tmp_path):
    cfg = tiny_stages(roots, tmp_path / 'work')
    cfg.default_hooks.images.update(interval=STEPS, samples=2)
    train_stages(read_stages(cfg), cfg.work_dir)
    last = f'iter_{STEPS:06d}.png'
    # the first has no objective, and no share of the target
    source = {f'source_{number}/{last}' for number in (0, 1)}
    assert set(sheets(tmp_path / 'work/source')) == source
    assert set(sheets(tmp_path / 'work/adapt')) == source | {f'target_{n}/{last}' for n in (0, 1)}


class Drawing(Numbers):
    """Samples that hold a random number."""

    def __getitem__(self, index):
        return dict(place=super().__getitem__(index), drawn=random.random())


def test_samples_are_spread_and_each_draws_for_itself():
    sizes = dict(source=10, target=2, unused=5)
    dataset = JointDataset({name: Drawing(name, size) for name, size in sizes.items()})
    sampler = JointSampler(dataset, dict(source=3, target=1, unused=0), seed=7)
    found = [
        training_pictures_hook._fixed_batches(SimpleNamespace(dataset=given, sampler=sampler), 3)
        for given in (dataset, Drawing('target', 7))
    ]
    places = [[{d: s['place'][1] for d, s in one.items()} for one in own] for own in found]
    assert places[0] == [dict(source=s, target=t) for s, t in ((0, 0), (3, 0), (6, 1))]
    assert places[1] == [dict(target=place) for place in (0, 2, 4)]
    for batches in found:
        assert len({batch['target']['drawn'] for batch in batches}) == 3


def test_max_moments_limits_the_drawings(train):
    limit = {'default_hooks.images.max_moments': 3}
    assert set(sheets(train(HRS, 'few', 1, **limit).work_dir)) == DRAWN


def test_only_the_first_rank_draws(train, monkeypatch):
    monkeypatch.setattr(training_pictures_hook, 'is_main_process', lambda: False)
    assert sheets(train(HRS, 'second', 1).work_dir) == {}


@VISBACKENDS.register_module()
class RecordBackend(BaseVisBackend):
    """Keeps the images, as TensorBoard would."""

    seen: list[tuple] = []  # noqa: RUF012

    def _init_env(self):
        pass

    experiment = None

    def add_image(self, name, image, step=0, **kwargs):
        self.seen.append((name, image, step))


def test_other_backends_get_the_same_sheets(train):
    RecordBackend.seen.clear()
    backends = [dict(type='LocalVisBackend'), dict(type='RecordBackend')]
    visualizer = {'visualizer.vis_backends': backends, 'visualizer.name': 'recorded'}
    work_dir = train(HRS, 'recorded', 2, **visualizer).work_dir
    files = sheets(work_dir)
    assert {(name, step) for name, _, step in RecordBackend.seen} == {
        (f'images/{domain}_0', step) for domain in ('source', 'target') for step in (2, 4)
    }
    for name, image, step in RecordBackend.seen:
        file = f'{name.removeprefix("images/")}/iter_{step:06d}.png'
        np.testing.assert_array_equal(image, files[file])
    assert not list(Path(work_dir).glob('*/vis_data/vis_image'))  # nothing is written twice


def test_an_error_while_drawing_does_not_end_training(train, monkeypatch):
    def fail(self, outputs):
        raise KeyError('a new method')

    monkeypatch.setattr(HierarchicalWeighting, 'visualize', fail)
    runner = train(HRS, 'failed', 1)
    assert runner.iter == 4
    assert runner.model.backbone.training
    assert sheets(runner.work_dir) == {}
    (log,) = Path(runner.work_dir).glob('*/*.log')
    content = log.read_text()
    assert content.count("No more images are drawn in this run: 'a new method'.") == 1
    assert 'Traceback' in content


def test_a_model_that_has_nothing_to_show(caplog):
    logger = logging.getLogger('images')
    model = torch.nn.Linear(1, 1)
    runner = SimpleNamespace(model=model, logger=logger, iter=0, max_iters=4)
    hook = TrainingPicturesHook(interval=1)
    hook.before_train(runner)
    hook.after_train_iter(runner)
    assert 'Linear is not a JointEncoderDecoder' in caplog.text


@pytest.mark.parametrize('values', [dict(interval=-1), dict(samples=0), dict(max_moments=1.5)])
def test_values_that_make_no_sense(values):
    (name,) = values
    with pytest.raises(JointError, match=f'TrainingPicturesHook.{name} is .*whole number from'):
        TrainingPicturesHook(**values)
