"""Which domains move the running averages, and that nothing else depends on it."""

from __future__ import annotations

import copy

import pytest
import torch
from mmengine.runner.activation_checkpointing import turn_on_activation_checkpointing
from mmseg.registry import MODELS, OPTIM_WRAPPER_CONSTRUCTORS
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from mmseg_joint.errors import JointError
from mmseg_joint.models.objectives import Objective, ObjectiveResult
from mmseg_joint.models.segmentors.norm_statistics import NormStatistics
from tests.models.objectives.test_pixelda import CALM, NARROW
from tests.models.segmentors.test_joint_encoder_decoder import DEEPLAB
from tests.ranks import on_ranks
from tests.tiny import MODEL, batch, build

LIVE = dict(DEEPLAB, backbone=dict(DEEPLAB['backbone'], norm_cfg=dict(type='BN')))
AUXILIARY = dict(
    type='FCNHead',
    in_channels=16,
    in_index=2,
    channels=4,
    num_convs=1,
    num_classes=5,
    dropout_ratio=0.0,
    norm_cfg=dict(type='BN'),
    loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
)
PIXELDA = dict(pixelda=dict(type='PixelDA', generator=NARROW, discriminator=CALM))
WAYS = {
    'merged': {},
    'one forward a domain': dict(merge_domains=False),
    'in turn': dict(sequential_domains=True),
    'with_cp': dict(backbone=dict(LIVE['backbone'], with_cp=True)),
    'activation checkpointing': {},
    'SyncBN': {},  # of one process; among several it needs GPUs
}
DOMAINS = ('source', 'target', 'unlabeled')
SGD = dict(optimizer=dict(type='SGD', lr=0.1))


def live(way: str = 'merged', objectives: dict | None = None, **changes) -> nn.Module:
    made = {**LIVE, 'auxiliary_head': AUXILIARY, **WAYS[way], **changes}
    model = build(objectives, **made).double().train()
    if way == 'activation checkpointing':
        turn_on_activation_checkpointing(model, ['backbone.layer1', 'backbone.layer3'])
    return nn.SyncBatchNorm.convert_sync_batchnorm(model) if way == 'SyncBN' else model


def step(model: nn.Module, rate: float = 0.1, mode: str = 'loss', **data) -> None:
    """A step of gradient descent, as the Runner makes it."""
    prepared = model.data_preprocessor(batch(count=2, **data), training=True)
    model.parse_losses(model(**prepared, mode=mode))[0].backward()
    with torch.no_grad():
        for weight in model.parameters():
            if weight.grad is not None:
                weight -= rate * weight.grad
                weight.grad = None


def buffers(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value for name, value in model.state_dict().items() if 'running' in name
            or 'tracked' in name}  # fmt: skip


def same(ours: dict, theirs: dict) -> None:
    assert set(ours) == set(theirs) and ours
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name], value, rtol=1e-9, atol=1e-12, msg=name)


def plain_twin(**changes) -> nn.Module:
    config = copy.deepcopy(MODEL)
    for key, value in {**LIVE, 'auxiliary_head': AUXILIARY, **changes}.items():
        config[key] = copy.deepcopy(value)  # ConfigDict.update would merge
    config['type'] = 'EncoderDecoder'
    config['data_preprocessor']['type'] = 'SegDataPreProcessor'
    return MODELS.build(config).double().train()


@pytest.mark.parametrize('way', WAYS)
@pytest.mark.parametrize('momentum', [0.1, None])
def test_averages_are_those_of_a_plain_mmseg_run_on_the_target(way, momentum):
    """Over three steps, with equal weights at the start of each."""
    joint, plain = live(way), plain_twin()
    plain.load_state_dict(joint.state_dict())
    for network in (joint, plain):
        for module in network.modules():
            if isinstance(module, (nn.BatchNorm2d, nn.SyncBatchNorm)):
                module.momentum = momentum
    start = copy.deepcopy(buffers(joint))
    for seed in range(3):
        weights = {name: w for name, w in joint.state_dict().items() if name not in start}
        plain.load_state_dict(weights, strict=False)
        data = batch(seed=seed, domains=('source', 'target'), count=2)
        target = dict(inputs=data['inputs'][2:], data_samples=data['data_samples'][2:])
        plain.loss(**plain.data_preprocessor(target, training=True))
        step(joint, seed=seed, domains=('source', 'target'))
    same(buffers(joint), buffers(plain))
    counts = {int(value) for name, value in buffers(joint).items() if 'tracked' in name}
    assert counts == {3}
    assert not any(torch.equal(start[n], v) for n, v in buffers(joint).items() if 'var' in n)


@pytest.mark.parametrize('way', WAYS)
def test_averages_in_closed_form(way):
    """After k steps with target and unlabeled images: r ← (1 - m) r + m s, in the batch's order."""
    model = live(way)
    norm = model.backbone.bn1
    mean, var = torch.zeros(4).double(), torch.ones(4).double()
    for seed in range(3):
        data = model.data_preprocessor(batch(seed=seed, domains=DOMAINS, count=2), training=True)
        for domain in ('target', 'unlabeled'):
            maps = model.backbone.conv1(data['inputs'][domain]).detach()
            values = maps.transpose(0, 1).flatten(1)
            mean = 0.9 * mean + 0.1 * values.mean(1)
            var = 0.9 * var + 0.1 * values.var(1, unbiased=True)
        step(model, seed=seed, domains=DOMAINS)
    torch.testing.assert_close(norm.running_mean, mean)
    torch.testing.assert_close(norm.running_var, var)
    assert int(norm.num_batches_tracked) == 6


CHOICES = [
    ('auto', DOMAINS, ('target', 'unlabeled')),
    ('auto', ('source', 'target'), ('target',)),
    ('auto', ('source', 'unlabeled'), ('unlabeled',)),
    ('auto', ('source',), ('source',)),
    ('all', DOMAINS, DOMAINS),
    (['target'], DOMAINS, ('target',)),
    (('source', 'unlabeled'), DOMAINS, ('source', 'unlabeled')),
]


@pytest.mark.parametrize(('choice', 'domains', 'moving'), CHOICES)
@pytest.mark.parametrize('way', ['merged', 'one forward a domain', 'in turn'])
def test_chosen_domains_move_them_and_losses_and_gradients_do_not_depend_on_it(
    choice, domains, moving, way
):
    model, reference = (live(way, norm_statistics=value) for value in (choice, 'all'))
    reference.load_state_dict(model.state_dict())
    data = model.data_preprocessor(batch(domains=domains, count=2), training=True)
    losses = [network(**data, mode='loss') for network in (model, reference)]
    for network, values in zip((model, reference), losses):
        network.parse_losses(values)[0].backward()
    for name, value in losses[1].items():
        assert torch.equal(losses[0][name], value), name
    for (name, ours), theirs in zip(model.named_parameters(), reference.parameters()):
        assert (ours.grad is None) == (theirs.grad is None)
        assert ours.grad is None or torch.equal(ours.grad, theirs.grad), name
    alone = live(norm_statistics='all', merge_domains=False)
    alone.load_state_dict({n: v for n, v in reference.state_dict().items() if n not in
                           buffers(reference)}, strict=False)  # fmt: skip
    with torch.no_grad():
        for domain in moving:
            alone.backbone(data['inputs'][domain])
    same({n: v for n, v in buffers(model).items() if n.startswith('backbone')},
         {n: v for n, v in buffers(alone).items() if n.startswith('backbone')})  # fmt: skip


@pytest.mark.parametrize('way', WAYS)
def test_accumulation_and_a_resumed_state_leave_them_as_they_are(way):
    """Every iteration moves them once, whether it steps or not, and a state loaded half-way on."""
    constructor = OPTIM_WRAPPER_CONSTRUCTORS.get('JointOptimWrapperConstructor')

    def trained(model, seeds, count):
        wrapper = constructor(dict(segmentor=SGD, accumulative_counts=count))(model)
        for seed in seeds:
            wrapper.initialize_count_status(model, seed, 4)
            model.train_step(batch(seed=seed, domains=DOMAINS, count=2), wrapper)
        return model

    start = live(way).state_dict()
    runs = {}
    for name in ('at once', 'whole', 'resumed'):
        runs[name] = live(way)
        runs[name].load_state_dict(start)
    trained(runs['at once'], range(2), 1)
    trained(runs['whole'], range(4), 2)
    half = trained(live(way), (), 2)
    half.load_state_dict(start)
    trained(half, range(2), 2)
    runs['resumed'].load_state_dict(half.state_dict())
    trained(runs['resumed'], (2, 3), 2)
    same(buffers(runs['resumed']), buffers(runs['whole']))
    for name, counts in (('at once', 4), ('whole', 8)):  # target and unlabeled, each iteration
        assert int(runs[name].backbone.bn1.num_batches_tracked) == counts
    # the first iteration is the same, whether it steps or not
    first, second = (live(way) for _ in range(2))
    for model, count in ((first, 1), (second, 2)):
        model.load_state_dict(start)
        trained(model, range(1), count)
    same(buffers(first), buffers(second))


class Additions(TorchDispatchMode):
    """Lists the additions in place to integers."""

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func.__name__.partition('.')[0] in ('add_', '_foreach_add_'):
            first = args[0] if isinstance(args[0], torch.Tensor) else args[0][0]
            if not first.is_floating_point():
                self.found.append(func.__name__)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(('momentum', 'launches'), [(0.1, 1), (None, 2 * 20)])
def test_merged_domains_are_counted_for_all_norms_together(momentum, launches):
    model = live(norm_statistics='all', auxiliary_head=None)
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    assert len(norms) == 20
    for norm in norms:
        norm.momentum = momentum
    prepared = model.data_preprocessor(batch(domains=('source', 'target')), training=True)
    with Additions() as additions:
        model(**prepared, mode='loss')
    assert len(additions.found) == launches
    assert [int(norm.num_batches_tracked) for norm in norms] == [2] * 20


def test_domains_that_objectives_make_move_nothing_unless_named():
    made = [live(objectives=PIXELDA, norm_statistics=choice)
            for choice in ('auto', 'all', ['pixelda'])]  # fmt: skip
    domains = set()
    for model in made:
        model.load_state_dict(made[0].state_dict())
        data = model.data_preprocessor(batch(domains=('source', 'target'), count=2), training=True)
        inputs, *_ = model._derive_domains(data['inputs'], data['data_samples'])
        domains |= set(inputs)
    derived = domains - {'source', 'target'}
    assert derived
    counts = []
    for model, choice in zip(made, ('auto', 'all', sorted(derived))):
        model.norm_statistics = choice
        step(model, domains=('source', 'target'))
        counts.append(int(model.backbone.bn1.num_batches_tracked))
    assert counts == [1, 2 + len(derived), len(derived)]


def test_a_name_that_only_later_steps_have():
    mix = dict(teacher=dict(type='Teacher', start=1), mix=dict(type='ClassMix'))
    model = live(objectives=mix, norm_statistics=['target', 'source_mix'])
    names = ('source', 'target', 'unlabeled')
    for moved in (1, 3):  # in the burn-in there is no mix
        step(model, domains=names)
        assert model.backbone.bn1.num_batches_tracked == moved
        model.objectives['teacher'].after_optimizer_step()
    with pytest.raises(JointError, match='norm_statistics names source_mix, but the batch has'):
        step(live(norm_statistics=['target', 'source_mix']), domains=names)


def test_frozen_norms_and_norms_without_averages_are_left_alone():
    config = dict(LIVE['backbone'], norm_eval=True)
    frozen = live(backbone=config)
    start = copy.deepcopy(buffers(frozen.backbone))
    step(frozen, domains=DOMAINS)
    same(buffers(frozen.backbone), start)

    losses = []
    for merge in ('auto', False):  # with the same statistics of each domain
        model = live(merge_domains=merge)
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean = module.running_var = module.num_batches_tracked = None
                module.track_running_stats = False
        data = model.data_preprocessor(batch(domains=DOMAINS, count=2), training=True)
        losses.append(model(**data, mode='loss'))
        assert not model.backbone.bn1.track_running_stats
    for name, value in losses[0].items():
        torch.testing.assert_close(losses[1][name], value, msg=name)


def test_images_that_overflow_spoil_no_averages_but_their_own():
    for choice, clean in (('auto', True), ('all', False)):
        model = live(norm_statistics=choice)
        data = model.data_preprocessor(batch(domains=('source', 'target'), count=2), training=True)
        data['inputs']['source'][:] = float('inf')
        model(**data, mode='loss')
        assert all(value.isfinite().all() for value in buffers(model).values()) == clean


@pytest.mark.parametrize('way', WAYS)
def test_the_layers_are_ordinary_again_after_a_step(way):
    """Other tools that move the averages in training mode find them as mmseg leaves them."""
    model = live(way)
    before = copy.deepcopy(model)
    step(model, domains=DOMAINS)
    after = copy.deepcopy(buffers(model))
    images = torch.rand(2, 3, 64, 96).double()
    model(images)  # mode='tensor', in training mode, as torch.optim.swa_utils.update_bn calls it
    assert not torch.equal(model.backbone.bn1.running_mean, after['backbone.bn1.running_mean'])
    for ours, theirs in zip(model.modules(), before.modules()):
        assert type(ours) is type(theirs)
        if isinstance(ours, nn.BatchNorm2d):
            assert ours.track_running_stats and vars(ours).keys() == vars(theirs).keys()


class RunsAgain(Objective):
    """Runs the segmentor once more within a step."""

    domains = ('target',)

    def __init__(self, segmentor):
        super().__init__()
        self.segmentor = segmentor

    def forward(self, outputs):
        _, logits = self.segmentor(outputs['target'].inputs)
        return ObjectiveResult({'loss_again': logits.square().mean()})


@pytest.mark.parametrize('way', ['merged', 'in turn'])
def test_an_objective_that_runs_the_segmentor_within_a_step_moves_nothing(way):
    alone, helped = live(way), live(way, dict(again=dict(type=RunsAgain)))
    kinds = [type(module) for module in helped.modules()]
    for model in (alone, helped):
        step(model, domains=DOMAINS)
    same(buffers(helped), buffers(alone))
    helped.train()
    assert [type(module) for module in helped.modules()] == kinds


def test_a_loss_without_its_backward_does_not_concern_the_next():
    model = live('in turn')
    kinds = [type(module) for module in model.modules()]
    for seed in range(2):
        data = model.data_preprocessor(batch(seed, DOMAINS, count=2), training=True)
        model.loss(data['inputs'], data['data_samples'])  # as called by hand, not by `forward`
    model.train()
    assert [type(module) for module in model.modules()] == kinds
    assert model.backbone.bn1.track_running_stats


class Fails(Objective):
    domains = ('target',)

    def forward(self, outputs):
        raise RuntimeError('of the objective')


@pytest.mark.parametrize('way', ['merged', 'in turn'])
def test_an_objective_that_fails_leaves_ordinary_layers(way):
    model = live(way, dict(fails=dict(type=Fails)))
    with pytest.raises(RuntimeError, match='of the objective'):
        step(model)
    model.train()  # as a tool that goes on with the model
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert type(module) is nn.BatchNorm2d and module.track_running_stats


def test_an_error_inside_a_step_leaves_ordinary_layers():
    norm = nn.BatchNorm2d(3, momentum=0.3)
    statistics = NormStatistics([norm], {'a'})
    statistics.hold()
    with pytest.raises(RuntimeError), statistics.of(['b'], [2]):
        norm(torch.rand(2, 3, 4, 4))
        raise RuntimeError
    statistics.release()
    assert type(norm) is nn.BatchNorm2d and norm.track_running_stats
    assert int(norm.num_batches_tracked) == 0 and not norm.running_mean.any()
    with statistics.of(['b', 'a'], [2, 1]):
        norm(torch.rand(3, 3, 4, 4))
    assert int(norm.num_batches_tracked) == 1
    with pytest.raises(RuntimeError), statistics.of(['a'], [2]):  # outside of `hold`
        raise RuntimeError
    assert type(norm) is nn.BatchNorm2d and norm.track_running_stats


@pytest.mark.parametrize('recomputed', [False, True])
@pytest.mark.parametrize('momentum', [0.3, None])
@pytest.mark.parametrize('kind', [nn.BatchNorm2d, nn.SyncBatchNorm])
def test_each_domain_is_normalized_as_it_is_alone(kind, momentum, recomputed):
    """With the norm's own ε and momentum; domains after the one that moves the averages do not."""
    norm, counts = kind(3, eps=0.1, momentum=momentum).double(), [2, 1, 3]
    parts = [torch.randn(count, 3, 4, 4).double() + 2 for count in counts]
    with NormStatistics([norm], {'b'}, recomputed).of(['a', 'b', 'c'], counts):
        found = norm(torch.cat(parts)).split(counts)
    for part, ours in zip(parts, found):
        var, mean = torch.var_mean(part, dim=(0, 2, 3), correction=0, keepdim=True)
        torch.testing.assert_close(ours, (part - mean) / (var + 0.1).sqrt())
    share = momentum or 1.0  # None: the mean over all batches, here of one
    var, mean = torch.var_mean(parts[1], dim=(0, 2, 3))
    torch.testing.assert_close(norm.running_mean, share * mean)
    torch.testing.assert_close(norm.running_var, 1 - share + share * var)
    assert int(norm.num_batches_tracked) == 1


@pytest.mark.parametrize('training', [True, False])
def test_a_norm_without_averages_keeps_domains_apart_in_either_mode(training):
    norm = nn.BatchNorm2d(3, track_running_stats=False).double().train(training)
    parts = [torch.randn(count, 3, 4, 4).double() + count for count in (2, 3)]
    with NormStatistics([norm], {'a', 'b'}).of(['a', 'b'], [2, 3]):
        found = norm(torch.cat(parts))
    torch.testing.assert_close(found, torch.cat([norm(part) for part in parts]))


def test_domains_that_share_statistics_move_the_averages_once():
    model = live(merge_domains=True, norm_statistics='all')
    data = model.data_preprocessor(batch(domains=DOMAINS, count=2), training=True)
    maps = model.backbone.conv1(torch.cat(list(data['inputs'].values()))).detach()
    model(**data, mode='loss')
    norm = model.backbone.bn1
    var, mean = torch.var_mean(maps, dim=(0, 2, 3))
    torch.testing.assert_close(norm.running_mean, 0.1 * mean)
    torch.testing.assert_close(norm.running_var, 0.9 + 0.1 * var)
    assert int(norm.num_batches_tracked) == 1


def _after_a_step(rank: int) -> dict:
    from mmseg_joint.checkpoints.write import average_buffers

    model = live()
    step(model, rate=0.0, seed=rank, domains=DOMAINS)
    own = copy.deepcopy(buffers(model))
    average_buffers(model)
    return dict(own=own, mean=buffers(model))


def test_over_ranks_the_mean_of_each_ranks_share(tmp_path):
    parts = on_ranks(_after_a_step, tmp_path)
    for name, value in parts[0]['mean'].items():
        own = torch.stack([part['own'][name].double() for part in parts])
        torch.testing.assert_close(value.double(), own.mean(0), msg=name)
        assert torch.equal(parts[1]['mean'][name], value)


def two_lights(seed: int) -> dict:
    """Classes are shades of gray, in a bright source and a dark target."""
    made = batch(seed=seed, domains=('source', 'target'), size=(32, 32), count=4)
    generator = torch.Generator().manual_seed(seed)
    for image, sample in zip(made['inputs'], made['data_samples']):
        cells = torch.randint(0, 5, (4, 4), generator=generator)
        sample.gt_sem_seg.data[0] = torch.kron(cells, torch.ones(8, 8, dtype=torch.long))
        image[:] = 20 * sample.gt_sem_seg.data + (150 if sample.domain == 'source' else 5)
    return made


def test_the_wrong_choice_shows_in_the_score():
    """Averages over both domains fit neither: as good as guessing, after the same training."""
    scores = {}
    for choice in ('auto', 'all'):
        model = build(norm_statistics=choice, **SMALL).train()
        adam = torch.optim.Adam(model.parameters(), 1e-2)
        for seed in range(60):
            adam.zero_grad()
            prepared = model.data_preprocessor(two_lights(seed), training=True)
            model.parse_losses(model(**prepared, mode='loss'))[0].backward()
            adam.step()
        model.eval()
        prepared = model.data_preprocessor(two_lights(1000), training=True)
        with torch.no_grad():
            metas = [dict(img_shape=(32, 32))] * 4
            found = model.encode_decode(prepared['inputs']['target'], metas).argmax(1)
        labels = torch.cat([s.gt_sem_seg.data for s in prepared['data_samples']['target']])
        scores[choice] = float((found == labels).float().mean())
    assert scores['auto'] > 0.75
    assert scores['all'] < 0.4


SMALL = dict(
    backbone=dict(
        type='ResNetV1c',
        depth=18,
        base_channels=4,
        stem_channels=4,
        strides=(1, 1, 1, 1),
        dilations=(1, 1, 1, 1),
        norm_cfg=dict(type='BN'),
        norm_eval=False,
    ),
    decode_head=dict(
        type='FCNHead',
        in_channels=32,
        in_index=3,
        channels=32,
        num_convs=0,
        concat_input=False,
        num_classes=5,
        norm_cfg=dict(type='BN'),
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
    ),
)


class TestRefusals:
    @pytest.mark.parametrize('choice', ['target', 3, [], [3], ['target', 3], None])
    def test_a_value_that_is_no_choice(self, choice):
        with pytest.raises(JointError, match=r'model\.norm_statistics is .*list of domains'):
            build(norm_statistics=choice)

    @pytest.mark.parametrize('choice', ['auto', ['target']])
    def test_shared_statistics_with_averages_of_some(self, choice):
        with pytest.raises(JointError, match=r'merge_domains=True .* set it to "all"'):
            build(merge_domains=True, norm_statistics=choice)

    def test_a_domain_that_the_batch_lacks(self):
        model = live(norm_statistics=['real'])
        with pytest.raises(JointError, match='names real, but the batch has only source, target'):
            step(model, domains=('source', 'target'))
