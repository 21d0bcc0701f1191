from __future__ import annotations

import copy
import json
from dataclasses import replace
from functools import partial
from itertools import count
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config, ConfigDict
from mmengine.model import BaseDataPreprocessor
from torch import nn

from mmseg_joint.benchmark import breakdown, timing
from mmseg_joint.benchmark.batches import labeled, random_batch, shares_of
from mmseg_joint.benchmark.breakdown import Ledger, flops_by_part, networks, seconds_by_part
from mmseg_joint.benchmark.comparisons import measure_sequential, measure_sequential_domains
from mmseg_joint.benchmark.configs import plain_beside, prepare
from mmseg_joint.benchmark.loop import start
from mmseg_joint.benchmark.report import Measured, Report
from mmseg_joint.benchmark.settings import Settings
from mmseg_joint.benchmark.step import measure
from mmseg_joint.benchmark.timing import interleaved, loading_time, ratio
from mmseg_joint.benchmark.variants import peak_memory
from mmseg_joint.errors import JointError
from tests.tiny import ADAM, CLASSES, HRS, HRS_OPTIMIZERS, MODEL
from tests.tools.loading import load_tool

SETTINGS = Settings(size=(96, 64), steps=2, warmup=1, device='cpu', memory=False)
NETWORKS = [
    'backbone',
    'decode_head',
    'weighting.networks.pixel',
    'weighting.networks.region',
    'weighting.networks.image',
    'gan.generator',
    'gan.discriminator',
]


def hrs() -> Config:
    cfg = Config(
        dict(
            model=copy.deepcopy(dict(MODEL, objectives=HRS)),
            optim_wrapper=copy.deepcopy(HRS_OPTIMIZERS),
            param_scheduler=[dict(type='PolyLR', by_epoch=False)],
            default_scope='mmseg',
            custom_imports=dict(imports=['mmseg_joint'], allow_failed_imports=False),
            train_dataloader=dict(
                sampler=dict(type='JointSampler', samples_per_domain=dict(source=2, target=1))
            ),
        )
    )
    cfg.model.backbone.init_cfg = dict(type='Pretrained', checkpoint='absent.pth')
    return cfg


def hrs_loop(tmp_path, settings: Settings = SETTINGS):
    return start(prepare(hrs(), settings, f'test_{tmp_path.name}', str(tmp_path)))


def test_plain_config_has_no_objective_and_no_optimizer_of_one():
    cfg = hrs()
    cfg.param_scheduler = {'segmentor': [], 'gan.generator': [], 'weighting': []}
    plain = plain_beside(cfg)
    assert not plain.model.objectives
    assert set(plain.optim_wrapper) == {'constructor', 'segmentor'}
    assert set(plain.param_scheduler) == {'segmentor'}
    assert set(cfg.model.objectives) == {'weighting', 'gan'}  # the config itself is left alone
    assert plain_beside(plain) is None


def test_prepared_config_stands_alone(tmp_path):
    cfg = hrs()
    cfg.model.backbone.update(
        norm_cfg=dict(type='SyncBN'),
        pretrained='open-mmlab://resnet50_v1c',
        init_cfg=[dict(type='Normal', std=0.1), dict(type='Pretrained', checkpoint='absent.pth')],
    )
    backbone = prepare(cfg, SETTINGS, 'x', str(tmp_path)).model.backbone
    assert backbone.norm_cfg.type == 'BN'
    assert backbone.pretrained is None
    assert [init.type for init in backbone.init_cfg] == ['Normal']


def test_batches_have_the_shares_of_the_config():
    assert shares_of(hrs()) == {'source': 2, 'target': 1}
    assert shares_of(hrs(), share=3) == {'source': 3, 'target': 3}
    assert shares_of(Config(dict())) == {'source': 1, 'target': 1}
    data = random_batch({'source': 2, 'target': 1}, CLASSES, SETTINGS)
    assert [s.metainfo['domain'] for s in data['data_samples']] == ['source', 'source', 'target']
    label = data['data_samples'][0].gt_sem_seg.data
    assert label.shape == (1, 64, 96)
    assert set(label.unique().tolist()) <= {*range(CLASSES), 255}
    assert data['inputs'][0].dtype == torch.uint8 and data['inputs'][0].shape == (3, 64, 96)
    shares = {'source': 1, 'unlabeled': 2}
    labels = [s.gt_sem_seg.data for s in random_batch(shares, CLASSES, SETTINGS)['data_samples']]
    assert [(label == 255).all().item() for label in labels] == [False, True, True]
    assert labeled(shares) == {'source': 1}


def test_ledger_charges_the_innermost_part():
    meter = iter(range(0, 100, 10))
    ledger = Ledger(lambda: next(meter))  # each reading is 10 higher than the previous one
    with ledger.part('outer'), ledger.part('inner'):
        pass
    ledger.charge()
    assert ledger.totals == {'other': 20, 'outer': 20, 'inner': 10}


def test_every_network_and_optimizer_has_a_row(tmp_path):
    loop = hrs_loop(tmp_path)
    assert list(networks(loop.runner.model)) == NETWORKS
    data = random_batch({'source': 1, 'target': 1}, CLASSES, SETTINGS)
    methods_before = {name: set(vars(net)) for name, net in networks(loop.runner.model).items()}
    seconds = seconds_by_part(loop, data, SETTINGS)
    flops = flops_by_part(loop, data)
    for name in NETWORKS:
        assert seconds[f'forward {name}'] > 0, name
        assert flops[f'forward {name}'] > 0, name
    for name in ('segmentor', 'weighting', 'gan.generator', 'gan.discriminator'):
        assert seconds[f'optimizer {name}'] > 0, name
    assert seconds['backward'] > 0 and seconds['data preprocessor'] > 0
    assert list(seconds)[-1] == 'other'
    # nothing remains on the modules
    assert {n: set(vars(net)) for n, net in networks(loop.runner.model).items()} == methods_before


class TwoConvs(nn.Module):
    """Stands for a segmentor: 3 → 4 → 5 channels, a 3×3 kernel at full and one at half size."""

    def __init__(self):
        super().__init__()
        self.data_preprocessor = BaseDataPreprocessor()
        self.backbone = nn.Conv2d(3, 4, 3, padding=1)
        self.decode_head = nn.Conv2d(4, 5, 3, padding=1, stride=2)


class OneStep:
    """Stands for a Runner and its loop."""

    def __init__(self):
        self.runner, self.model, self.optim_wrapper = self, TwoConvs(), self
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.1)

    def step(self, images=None):
        if images is None:  # as an optimizer wrapper
            return self.optimizer.step()
        logits = self.model.decode_head(self.model.backbone(images))
        self.backward(logits.sum())
        return None

    def backward(self, loss):
        loss.backward()

    def zero_grad(self):
        self.optimizer.zero_grad()

    def call_hook(self, name):
        raise NotImplementedError


def test_a_step_ends_with_what_belongs_to_no_part():
    one, now = OneStep(), [0.0]

    def step(images):
        one.step(images)
        now[0] += 5

    loop = SimpleNamespace(runner=one, step=step)
    found = breakdown._charge_step(loop, torch.rand(2, 3, 8, 6), lambda: now[0])
    assert found['other'] == sum(found.values()) == 5


def test_the_middle_half_of_the_steps_counts(monkeypatch):
    steps = iter([dict(backward=n, other=1.0) for n in (9.0, 1.0, 2.0, 3.0)])
    monkeypatch.setattr(breakdown, '_charge_step', lambda *_: next(steps))
    assert seconds_by_part(None, {}, replace(SETTINGS, steps=4)) == dict(backward=2.5, other=1.0)


@pytest.mark.parametrize(
    ('layer', 'forward'),
    [
        (torch.nn.Conv2d(6, 12, 3, padding=1, groups=3), 2 * 2 * (8 * 6) * 12 * (2 * 9)),
        (torch.nn.Conv2d(6, 6, 3, stride=2, padding=1, groups=6), 2 * 2 * (4 * 3) * 6 * 9),
        (torch.nn.ConvTranspose2d(6, 4, 2, stride=2, groups=2), 2 * 2 * (8 * 6) * 6 * (2 * 4)),
    ],
)
@pytest.mark.parametrize('of_images', [True, False])
def test_flops_of_a_grouped_convolutions_backward(layer, forward, of_images):
    loop = OneStep()
    loop.model.backbone, loop.model.decode_head = layer, torch.nn.Identity()
    flops = flops_by_part(loop, torch.rand(2, 6, 8, 6, requires_grad=of_images))
    assert flops['forward backbone'] == forward
    assert flops['backward'] == (2 if of_images else 1) * forward


def test_flops_of_a_known_network():
    flops = flops_by_part(OneStep(), torch.rand(2, 3, 8, 6))
    first = 2 * 2 * (8 * 6) * 4 * (3 * 9)  # two per multiply-add, two images
    second = 2 * 2 * (4 * 3) * 5 * (4 * 9)
    assert flops['forward backbone'] == first
    assert flops['forward decode_head'] == second
    # weights' gradients of both; the images need none
    assert flops['backward'] == first + 2 * second
    assert sum(flops.values()) == 2 * first + 3 * second


def test_variants_take_turns_and_ratios_are_pairwise():
    calls = []
    variants = {name: (lambda name=name: calls.append(name)) for name in 'ab'}
    times = interleaved(variants, SETTINGS)
    assert calls == ['a', 'b'] * 3
    assert [len(seconds) for seconds in times.values()] == [2, 2]
    # on a GPU, each time is that of four steps without a wait
    gpu = SimpleNamespace(device_type='cuda', synchronize=lambda: None, warmup=1, steps=2)
    assert interleaved({'a': variants['a']}, gpu, partial(next, count(step=8.0))) == {'a': [2, 2]}
    assert calls[6:] == ['a'] * 12
    # the machine gets ten times slower in the middle: the ratio stays the same
    pairs = ratio([1.1, 11.0, 11.0], [1.0, 10.0, 10.0])
    assert pairs == pytest.approx({'median': 1.1, 'low': 1.1, 'high': 1.1})
    assert ratio([3.0], [1.0], factor=2.0)['median'] == 1.5
    assert ratio([1, 2, 3, 4, 5], [2] * 5, 0.5) == {'median': 3, 'low': 2, 'high': 4}


def test_measure_reports_every_network_both_ratios_and_json():
    report = measure(hrs(), 'tiny', SETTINGS)
    text = str(report)
    for name in [*NETWORKS, 'plain supervised', 'in a bare loop', 'backward', 'hooks', 'other']:
        assert name in text, name
    assert set(report.ratios) == {'runner / bare', 'measured / predicted'}
    numbers = json.loads(json.dumps(report.as_dict()))
    assert len(numbers['measured']['tiny']['seconds']) == SETTINGS.steps
    ours, plain = report.measured.values()
    assert ours.images == plain.images == 3
    assert ours.total_flops > plain.total_flops > 0
    assert ours.flops['forward backbone'] == plain.flops['forward backbone']
    factor = ours.total_flops / plain.total_flops
    assert report.ratios == {
        'runner / bare': ratio(ours.seconds, report.bare),
        'measured / predicted': ratio(ours.seconds, plain.seconds, factor),
    }


def test_report_names_a_missed_target_and_a_missing_bare_loop():
    parts = {'backward': 0.75, 'other': 0.25}
    one = Measured(seconds=[0.5], images=2, parts=parts, flops={}, peak_memory=3 * 2**30)
    conditions = dict(
        size=[8, 8],
        shares={'target': 2},
        dtype='float32',
        device='cpu',
        threads=1,
        steps=1,
        torch='',
    )
    measured = {'a': one, 'plain supervised': one}
    report = Report(measured, conditions, bare_note='the bare loop was not written for X')
    assert 'no bare loop: the bare loop was not written for X' in str(report)
    report.ratios['runner / bare'] = {'median': 1.04, 'low': 1.0, 'high': 1.1}
    assert '1.040' in str(report) and 'missed' in str(report)
    (backward,) = (line for line in str(report).splitlines() if line.startswith('backward'))
    assert backward.split() == ['backward', *['750.0', '75.0'] * 2]
    report.bare = [0.25]
    rows = [line.split() for line in str(report).splitlines()]
    assert ['a', '0.5', '4', '3.00', 'GiB', '0'] in rows
    assert rows.count(['in', 'a', 'bare', 'loop', '0.25', '8']) == 1
    for seconds, word in ((0.4, 'less'), (0.6, 'more')):
        report.data = dict(seconds=seconds, workers=2, images=2, first=1.0)
        assert str(report).endswith(f'; {word} than a step takes')


def test_peak_memory_is_measured_in_a_process_of_its_own(tmp_path):
    settings = Settings(size=(32, 32), device='cpu')
    cfg = prepare(plain_beside(hrs()), settings, 'test_memory', str(tmp_path))
    peak = peak_memory(cfg, random_batch({'target': 1}, CLASSES, settings), settings)
    assert 2**26 < peak < 2**32  # Python and PyTorch at least


class Images(torch.utils.data.Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        return dict(inputs=torch.zeros(3, 4, 4))


def test_data_loader_is_timed(monkeypatch):
    loader = dict(
        batch_size=1,
        num_workers=0,
        dataset=Images(),
        sampler=dict(type='DefaultSampler', shuffle=False),
    )
    cfg = ConfigDict(train_dataloader=loader)
    # four waits: the first, one of the warmup, and two that count
    clock = partial(next, iter([0, 8, 8, 12, 12, 13, 13, 16]))
    with monkeypatch.context() as patch:
        patch.setattr(timing, 'time', SimpleNamespace(perf_counter=clock))
        found = loading_time(cfg, Settings(steps=2, warmup=1))
    assert found == dict(seconds=2, median=2, first=8, images=1, workers=0)
    with pytest.raises(JointError, match='lower --steps'):
        loading_time(cfg, Settings(steps=5, warmup=1))


def test_tool_writes_json_and_reports_mistakes_in_one_sentence(tmp_path, capsys):
    tool = load_tool('benchmark')
    hrs().dump(tmp_path / 'tiny.py')
    options = ['--size', '64', '64', '--steps', '1', '--warmup', '0', '--samples-per-domain', '1']
    json_file = tmp_path / 'numbers.json'
    tool.main([str(tmp_path / 'tiny.py'), *options, '--no-memory', '--json', str(json_file)])
    assert 'where the time goes' in capsys.readouterr().out
    numbers = json.loads(json_file.read_text())
    assert numbers['conditions']['shares'] == {'source': 1, 'target': 1}
    with pytest.raises(JointError, match='no config'):
        tool.main([str(tmp_path / 'absent.py')])
    with pytest.raises(JointError, match='--steps must be at least 1'):
        tool.main([str(tmp_path / 'tiny.py'), '--steps', '0'])
    with pytest.raises(JointError, match='nothing can be written to'):
        tool.main([str(tmp_path / 'tiny.py'), '--json', str(json_file / 'x.json')])


def test_beside_the_sequential_loop():
    cfg = hrs()
    cfg.model.decode_head = dict(
        type='DeepLabV2Head',
        in_channels=8,
        in_index=4,
        num_classes=CLASSES,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
    )
    cfg.model.objectives = dict(
        ga=dict(type='OutputAdversarial', discriminator=dict(channels=(4, 4, 4, 4)))
    )
    sgd = dict(type='SGD', lr=0.01, momentum=0.9, fused=True)
    cfg.optim_wrapper = dict(
        constructor='JointOptimWrapperConstructor', segmentor=dict(optimizer=sgd), ga=ADAM
    )
    cfg.train_dataloader.sampler.samples_per_domain = dict(source=1, unlabeled=1)
    report = measure_sequential(cfg, 'ga', SETTINGS)
    loop, *ours = report.times
    assert loop == 'sequential loop, float32' and ours == ['ga, float32', 'ga, bfloat16']
    assert all(len(times) == 2 and min(times) > 0 for times in report.times.values())
    expected = ratio(report.times['ga, float32'], report.times[loop])
    assert report.ratios['ga, float32'] == expected
    assert '1 source + 1 unlabeled of 96x64' in str(report).splitlines()[0]
    report.times = {loop: [1.0], ours[0]: [0.91], ours[1]: [0.45]}
    missed, met = str(report).splitlines()[-2:]
    assert missed.endswith('0.9: missed') and met.endswith('0.45: met')


def test_the_sequential_loop_refuses_other_objectives():
    with pytest.raises(JointError, match='not for HierarchicalWeighting, ReconstructionGAN'):
        measure_sequential(hrs(), 'hrs', SETTINGS)


def test_without_a_checkout_one_sentence_reports_the_missing_loops(monkeypatch, tmp_path):
    monkeypatch.setattr('mmseg_joint.benchmark.reference.FOLDER', tmp_path)
    with pytest.raises(JointError, match='clone the repository'):
        measure_sequential(hrs(), 'hrs', SETTINGS)
    report = measure(hrs(), 'hrs', replace(SETTINGS, steps=1, warmup=0))
    assert 'no bare loop: The hand-written loops lie in tests/reference' in str(report)
    assert set(report.ratios) == {'measured / predicted'}


def test_sequential_domains_beside_all_together_and_one_alone(monkeypatch):
    def peak(cfg, batch, settings, build):  # returns what it was asked to measure
        sequential, objectives = (
            bool(cfg.model.get('sequential_domains')),
            len(cfg.model.objectives),
        )
        return (100 * sequential + 10 * objectives + len(batch['inputs'])) * 2**20

    monkeypatch.setattr('mmseg_joint.benchmark.variants.peak_memory', peak)
    report = measure_sequential_domains(hrs(), 'hrs', replace(SETTINGS, memory=True))
    assert list(report.times) == ['together', 'in turn', 'source alone']
    assert all(len(times) == SETTINGS.steps for times in report.times.values())
    lines = str(report).splitlines()
    assert lines[0].startswith('hrs: 2 source + 1 target of 96x64, cpu')
    assert [line.split()[-2:] for line in lines[3:]] == [[n, 'MiB'] for n in ('23', '123', '2')]
    assert json.loads(json.dumps(report.as_dict()))['memory'] == report.memory


def test_sequential_domains_needs_a_joint_model():
    cfg = hrs()
    cfg.model.type = 'EncoderDecoder'
    with pytest.raises(
        JointError, match=r'--sequential-domains needs a config whose model\.type is Joint'
    ):
        measure_sequential_domains(cfg, 'plain', SETTINGS)
