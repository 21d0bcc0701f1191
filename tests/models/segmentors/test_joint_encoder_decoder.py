from __future__ import annotations

import copy

import pytest
import torch
from mmengine.runner.activation_checkpointing import turn_on_activation_checkpointing
from mmseg.models.decode_heads import FCNHead
from mmseg.registry import MODELS
from torch.nn.functional import cross_entropy, interpolate

from mmseg_joint.datasets import SampleRequest
from mmseg_joint.errors import JointError
from mmseg_joint.models.objectives import DerivedDomain, Objective, ObjectiveResult
from mmseg_joint.models.objectives.build import build_objectives
from mmseg_joint.models.segmentors.pixel_weights import check_weighable
from mmseg_joint.models.segmentors.running import group_domains
from tests.tiny import CLASSES, GAN, HRS, MODEL, WEIGHTING, batch, build


def losses_of(model, **kwargs):
    return model.loss(**model.data_preprocessor(batch(**kwargs), training=True))


def test_weight_one_everywhere_is_plain_cross_entropy(monkeypatch):
    plain_model = build()
    plain = losses_of(plain_model)
    model = build(dict(weighting=HRS['weighting']))
    model.load_state_dict(plain_model.state_dict(), strict=False)
    monkeypatch.setattr(
        'mmseg_joint.models.objectives.hierarchical_weighting.weighting_map',
        lambda scores, labels, ignore_index, dtype: torch.ones(labels.shape),
    )
    weighted = losses_of(model)
    for domain in ('source', 'target'):
        name = f'{domain}.decode.loss_ce'
        assert torch.equal(plain[name], weighted[name])


def test_source_loss_equals_equation_5():
    model = build(dict(weighting=HRS['weighting'])).double()
    data = model.data_preprocessor(batch(size=(45, 70), count=2), training=True)
    outputs = model._forward_domains(data['inputs'], data['data_samples'])
    source = outputs['source']
    weights = model.objectives['weighting'](outputs).pixel_weights['source']
    total, labeled = 0.0, 0
    log_probability = source.logits.log_softmax(1)
    for n, y, x in (source.labels != 255).nonzero().tolist():
        total = total - weights[n, y, x] * log_probability[n, source.labels[n, y, x], y, x]
        labeled += 1
    loss = model.loss(**data)['source.decode.loss_ce']
    torch.testing.assert_close(loss, total / labeled, rtol=1e-6, atol=0)  # mmseg adds 1e-7


class Weighs(Objective):
    """Weighs the source and a domain that it, or the first of them, makes from it."""

    domains = ('source',)
    weighs_pixels = True

    def __init__(self, makes, weights):
        super().__init__()
        self.makes, self.weights = makes, weights

    def derive(self, domains):
        source = domains['source']
        made = DerivedDomain(source.unit_images, source.truth, self.weights['derived'])
        return {'made': made} if self.makes else {}

    def forward(self, outputs):
        return ObjectiveResult({}, {name: self.weights[name] for name in ('source', 'made')})


def test_weights_from_several_objectives_are_multiplied():
    weights = [{name: torch.rand(2, 64, 96) for name in ('source', 'made', 'derived')}
               for _ in range(2)]  # fmt: skip
    model = build({f'w{i}': dict(type=Weighs, makes=not i, weights=w)
                   for i, w in enumerate(weights)}).double()  # fmt: skip
    data = model.data_preprocessor(batch(count=2), training=True)
    losses = model.loss(**data)
    labels = torch.cat([sample.gt_sem_seg.data for sample in data['data_samples']['source']])
    scores = model.segment(data['inputs']['source'])[1]
    terms = cross_entropy(scores, labels, ignore_index=255, reduction='none')
    products = dict(source=weights[0]['source'] * weights[1]['source'])
    products['made'] = weights[0]['derived'] * weights[0]['made'] * weights[1]['made']
    for domain, product in products.items():
        expected = (product * terms).sum() / (labels != 255).sum()
        torch.testing.assert_close(losses[f'{domain}.decode.loss_ce'], expected)


def test_a_merged_forward_gives_the_losses_of_one_forward_a_domain():
    merged = losses_of(build(HRS, merge_domains='auto').double())
    apart = losses_of(build(HRS, merge_domains=False).double())
    deterministic = [name for name in merged if 'discriminator' not in name]
    for name in deterministic:
        torch.testing.assert_close(merged[name], apart[name], rtol=1e-12, atol=1e-13, msg=name)


NORM = dict(
    type='DeepLabResNet',
    depth=18,
    base_channels=4,
    stem_channels=4,
    strides=(1, 2, 1, 1),
    dilations=(1, 1, 2, 4),
    norm_cfg=dict(type='BN', requires_grad=False),
    zero_init_residual=False,  # or the frozen last norm of each block lets no gradient through
)
DEEPLAB = dict(
    backbone=NORM,
    decode_head=dict(
        type='DeepLabV2Head',
        in_channels=32,
        in_index=3,
        num_classes=5,
        align_corners=True,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
    ),
)


def trained(checkpointed=(), **changes):
    model = build(dict(ga=dict(type='OutputAdversarial', align='target')), **DEEPLAB, **changes)
    plain = build(dict(ga=dict(type='OutputAdversarial')), **DEEPLAB)
    model.load_state_dict(plain.state_dict())  # random weights depend on the memory format
    model = model.double().train()
    if checkpointed:
        turn_on_activation_checkpointing(model, checkpointed)
    data = model.data_preprocessor(batch(domains=('source', 'target', 'unlabeled'), count=2), True)
    losses = model.loss(**data)
    model.parse_losses(losses)[0].backward()
    gradients = {n: value.grad for n, value in model.named_parameters() if value.requires_grad}
    assert all(value.any() for value in gradients.values())
    return losses, gradients, dict(model.named_buffers())


def test_merging_keeps_each_domains_batch_statistics():
    """Losses, gradients and running averages are those of one forward a domain."""
    for merged, apart in zip(trained(merge_domains='auto'), trained(merge_domains=False)):
        assert set(merged) == set(apart)
        for name, value in apart.items():
            if value is not None:
                torch.testing.assert_close(merged[name], value, rtol=1e-9, atol=1e-11, msg=name)
    shared = trained(merge_domains=True, norm_statistics='all')[0]
    apart = trained(merge_domains=False)[0]
    assert not torch.isclose(shared['source.decode.loss_ce'], apart['source.decode.loss_ce'])


def test_channels_last_changes_only_the_layout():
    for last, usual in zip(trained(channels_last=True), trained(channels_last=False)):
        for name, value in usual.items():
            if value is not None:
                torch.testing.assert_close(last[name], value, rtol=1e-9, atol=1e-11, msg=name)
    weight = build(channels_last=True).backbone.state_dict()
    assert any(w.is_contiguous(memory_format=torch.channels_last) and not w.is_contiguous()
               for w in weight.values() if w.ndim == 4)  # fmt: skip


def test_recomputed_maps_are_not_merged(monkeypatch):
    seen = []
    model = build(**DEEPLAB)
    monkeypatch.setattr(model, '_forward_group', lambda group, *_: seen.append(group) or {})
    model.backbone.layer1[0].with_cp = True
    data = model.data_preprocessor(batch(), training=True)
    with pytest.raises(KeyError):
        model._forward_domains(data['inputs'], data['data_samples'])
    assert seen == [['source'], ['target']]


def test_activation_checkpointing_changes_no_gradient():
    usual = trained()[1]
    recomputed = trained(checkpointed=['backbone.layer1', 'backbone.layer3'])[1]
    for name, value in usual.items():
        torch.testing.assert_close(recomputed[name], value, rtol=1e-9, atol=1e-11, msg=name)


def test_what_trains_nothing_is_computed_without_a_graph():
    data = batch(domains=('source', 'unlabeled'))
    for align, graph in (('source', False), ('target', True)):
        ga = dict(type='OutputAdversarial', align=align)
        model = build(dict(ga=ga), auxiliary_head=MODEL.decode_head)
        prepared = model.data_preprocessor(copy.deepcopy(data), training=True)
        outputs = model._forward_domains(prepared['inputs'], prepared['data_samples'])
        for domain, wanted in (('source', True), ('unlabeled', graph)):
            assert outputs[domain].logits.requires_grad == wanted
            assert outputs[domain].auxiliary_logits.requires_grad == wanted


def test_the_auxiliary_head_is_trained_on_frozen_features():
    ga = dict(type='OutputAdversarial', levels=2)
    model = build(dict(ga=ga), auxiliary_head=MODEL.decode_head)
    model.backbone.requires_grad_(False)
    losses = losses_of(model, domains=('source', 'unlabeled'))
    for name in ('source.aux.loss_ce', 'ga.loss_adversarial_auxiliary'):
        model.zero_grad()
        losses[name].backward(retain_graph=True)
        assert model.auxiliary_head.conv_seg.weight.grad.any()


def test_weights_cast_without_a_graph_leave_the_cache(monkeypatch):
    """Otherwise older torch gives no gradient to layers that an unlabeled domain ran first."""
    order, forget = [], torch.clear_autocast_cache
    monkeypatch.setattr(
        torch, 'clear_autocast_cache', lambda: (order.append('forgotten'), forget())
    )
    model = build(dict(ga=dict(type='OutputAdversarial', align='source')))
    segment = model._segment
    model._segment = lambda images: order.append(torch.is_grad_enabled()) or segment(images)
    with torch.autocast('cpu', torch.bfloat16):
        losses = losses_of(model, domains=('unlabeled', 'source'))
    assert order[:3] == [False, 'forgotten', True]
    losses['source.decode.loss_ce'].backward()
    assert all(weight.grad is not None for weight in model.backbone.parameters())


@pytest.mark.parametrize('heads', [1, 2])
def test_an_objective_and_the_loss_share_the_auxiliary_heads_forward(heads):
    auxiliary = dict(DEEPLAB['decode_head'], in_channels=16, in_index=2)
    several = [auxiliary, dict(auxiliary, in_channels=8, in_index=1)]
    changes = {**DEEPLAB, 'auxiliary_head': auxiliary if heads == 1 else several}
    ga = dict(type='OutputAdversarial', levels=2)
    calls, losses, weights = [], {}, build(**changes).state_dict()
    for levels in (1, 2):
        model = build(dict(ga=dict(ga, levels=levels)), **changes)
        model.load_state_dict(weights, strict=False)
        head = model.auxiliary_head if heads == 1 else model.auxiliary_head[0]
        head.forward = lambda x, n=levels, f=head.forward: calls.append(n) or f(x)
        losses[levels] = losses_of(model, domains=('source', 'target', 'unlabeled'))
    assert calls == [1, 1, 2, 2, 2]  # labeled domains; with two levels the unlabeled one too
    names = {name for name in losses[1] if '.aux' in name and 'loss' in name}
    assert len(names) == 2 * heads
    for name in names:
        torch.testing.assert_close(losses[1][name], losses[2][name])


def test_checkpoint_loads_in_plain_mmseg_and_predicts_the_same():
    joint = build(HRS).eval()
    config = copy.deepcopy(MODEL)
    config['type'] = 'EncoderDecoder'
    config['data_preprocessor']['type'] = 'SegDataPreProcessor'
    plain = MODELS.build(config).eval()
    result = plain.load_state_dict(joint.state_dict(), strict=False)
    assert result.missing_keys == []
    assert all(key.startswith('objectives.') for key in result.unexpected_keys)
    image = torch.rand(1, 3, 45, 70)
    with torch.no_grad():
        assert torch.equal(
            joint.predict(image)[0].seg_logits.data, plain.predict(image)[0].seg_logits.data
        )


def test_an_absent_objective_is_named_once_and_others_by_their_entries():
    joint = build(HRS)
    gan = [key for key in joint.state_dict() if key.startswith('objectives.gan.')]
    weighting = [key for key in joint.state_dict() if key.startswith('objectives.weighting.')]
    left_out = {*gan, weighting[0], 'decode_head.conv_seg.bias'}
    state = {key: value for key, value in joint.state_dict().items() if key not in left_out}
    expected = {'decode_head.conv_seg.bias', weighting[0], f'objectives.gan.* ({len(gan)} entries)'}
    assert {*joint.load_state_dict(state, strict=False).missing_keys} == expected
    with pytest.raises(RuntimeError, match=r'objectives\.gan\.\* \(\d+ entries\)'):
        joint.load_state_dict(state)
    assert joint.load_state_dict(joint.state_dict()).missing_keys == []


def test_auxiliary_head_is_weighted_too():
    auxiliary = dict(
        type='FCNHead',
        in_channels=8,
        in_index=3,
        channels=4,
        num_convs=1,
        num_classes=5,
        dropout_ratio=0.0,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True, loss_weight=0.4),
    )
    model = build(auxiliary_head=auxiliary)
    plain = losses_of(model)
    weighted_model = build(dict(weighting=HRS['weighting']), auxiliary_head=auxiliary)
    weighted_model.load_state_dict(model.state_dict(), strict=False)
    weighted = losses_of(weighted_model)
    assert 0 < weighted['source.aux.loss_ce'] < plain['source.aux.loss_ce']
    assert torch.equal(weighted['target.aux.loss_ce'], plain['target.aux.loss_ce'])


def test_batch_without_domains_is_the_target():
    data = batch(domains=('target',))
    del data['data_samples'][0].domain
    losses = build().loss(*build().data_preprocessor(data, training=True).values())
    assert 'target.decode.loss_ce' in losses


def test_unlabeled_domain_has_no_supervised_loss():
    data = batch(domains=('target', 'unlabeled'))
    del data['data_samples'][1].gt_sem_seg
    model = build()
    losses = model.loss(*model.data_preprocessor(data, training=True).values())
    assert not [name for name in losses if name.startswith('unlabeled')]


@pytest.mark.parametrize('kind', [dict(type='SegDataPreProcessor'), {}])
def test_an_ordinary_preprocessor_becomes_a_joint_one(kind):
    model = build(data_preprocessor=dict(kind, size_divisor=1))
    assert set(model.data_preprocessor(batch(), training=True)['inputs']) == {'source', 'target'}


class TestRefusals:
    def test_missing_domain(self):
        with pytest.raises(JointError, match=r'objectives\.weighting needs the domain "source"'):
            losses_of(build(HRS), domains=('target',))

    def test_missing_label(self):
        data = batch()
        del data['data_samples'][0].gt_sem_seg
        model = build()
        with pytest.raises(JointError, match='"source" has no label'):
            model.loss(*model.data_preprocessor(data, training=True).values())

    def test_unknown_objective(self):
        with pytest.raises(JointError, match='did you mean "HierarchicalWeighting"'):
            build(dict(weighting=dict(type='HierarchicalWeightning')))

    def test_unknown_value_of_an_objective(self):
        with pytest.raises(JointError, match=r'objectives\.gan: ReconstructionGAN takes no lamda'):
            build(dict(gan=dict(GAN_WITH_TYPO)))

    def test_objective_that_is_no_dict(self):
        with pytest.raises(JointError, match=r'objectives\.weighting: there is no objective'):
            build(dict(weighting='HierarchicalWeighting'))

    def test_module_that_is_no_objective(self):
        with pytest.raises(JointError, match=r'there is no objective of type "FCNHead"'):
            build(dict(weighting=dict(type='FCNHead')))

    def test_unknown_value_of_a_network(self):
        gan = dict(HRS['gan'], generator=dict(in_chanels=8))
        with pytest.raises(JointError, match=r'objectives\.gan cannot be built: .*in_chanels'):
            build(dict(gan=gan))

    @pytest.mark.parametrize(
        'loss', [dict(type='LovaszLoss', reduction='none'), dict(type='DiceLoss')]
    )
    def test_loss_that_would_drop_the_weights(self, loss):
        head = dict(MODEL.decode_head, loss_decode=loss)
        build(decode_head=head)  # without weights it is fine
        with pytest.raises(
            JointError, match=f'{loss["type"]} takes no pixel weights, which model.obj'
        ):
            build(dict(weighting=HRS['weighting']), decode_head=head)

    @pytest.mark.parametrize('head', ['decode_head', 'auxiliary_head'])
    def test_a_later_loss_that_would_drop_the_weights(self, head):
        losses = [MODEL.decode_head.loss_decode, dict(type='DiceLoss')]
        changes = {head: dict(MODEL.decode_head, loss_decode=losses)}
        build(**changes)  # without weights it is fine
        with pytest.raises(JointError, match='DiceLoss takes no pixel weights'):
            build(dict(weighting=HRS['weighting']), **changes)

    def test_head_that_computes_its_loss_in_its_own_way(self):
        class OwnWay(FCNHead):
            def loss_by_feat(self, seg_logits, batch_data_samples):
                return super().loss_by_feat(seg_logits, batch_data_samples)

        head = OwnWay(in_channels=8, channels=4, num_convs=1, num_classes=5)
        with pytest.raises(JointError, match='OwnWay takes no pixel weights'):
            check_weighable([head], 'model.objectives.weighting')

    def test_binary_head_with_one_channel(self):
        head = dict(MODEL.decode_head, num_classes=2, out_channels=1, threshold=0.5)
        with pytest.raises(JointError, match=r'decode_head\.out_channels is 1'):
            build(decode_head=head)

    def test_merging_images_of_several_sizes(self):
        images = torch.zeros(1, 3, 32, 32)
        with pytest.raises(JointError, match='merge_domains=True needs images of one size'):
            group_domains(dict(source=images, target=images[..., :16]), (), True)

    @pytest.mark.parametrize('name', ['my_loss', 'a.b', 'keys'])
    def test_unusable_name(self, name):
        with pytest.raises(JointError, match=f'objectives.{name}: choose another name'):
            build({name: HRS['weighting']})

    @pytest.mark.parametrize(('batches', 'size'), [((0, 1), 2), ((0, 0), 3)])
    def test_batch_that_is_not_one_of_the_samplers(self, batches, size):
        data = batch()
        for number, sample in zip(batches, data['data_samples']):
            sample.set_metainfo(dict(draw=SampleRequest('source', 0, 0, number, size, 0)))
        with pytest.raises(JointError, match=f'batch_size is 2: set it to {size}, the sum'):
            build().data_preprocessor(data, training=True)

    def test_nan_names_the_loss_and_leaves_the_weights(self):
        model = build()
        with torch.no_grad():
            model.decode_head.score_pool3.bias.fill_(float('nan'))
        losses = losses_of(model)
        with pytest.raises(JointError, match=r'nan \(source\.decode\.loss_ce, target'):
            model.parse_losses(losses)


GAN_WITH_TYPO = dict(HRS['gan'], lamda=1)


def test_init_cfg_of_an_objective_is_followed():
    constant = dict(type='Constant', layer='Conv2d', val=0.25)
    gan = dict(HRS['gan'], discriminator=dict(HRS['gan']['discriminator'], init_cfg=constant))
    weighting = dict(HRS['weighting'], network=dict(channels=(4, 4, 4, 4), init_cfg=constant))
    objectives = build(dict(gan=gan, weighting=weighting)).objectives
    for network in (objectives['gan'].discriminator, *objectives['weighting'].networks.values()):
        weights = [value for name, value in network.named_parameters() if 'weight' in name]
        assert weights and all((value == 0.25).all() for value in weights)


@pytest.mark.parametrize('seed', [0, 1])
def test_objectives_leave_the_segmentors_first_weights_as_they_are(seed):
    alone = build(seed=seed).state_dict()
    assert any(weight.std() > 0 for name, weight in alone.items() if 'decode_head' in name)
    for objectives in (dict(weighting=WEIGHTING), dict(gan=GAN), HRS):
        helped = build(objectives, seed=seed).state_dict()
        assert len(helped) > len(alone)
        for name, weight in alone.items():
            assert torch.equal(helped[name], weight), name


def test_an_objective_starts_as_it_does_beside_others():
    def first_weights(objectives, seed=0):
        torch.manual_seed(seed)
        built = build_objectives(objectives, num_classes=CLASSES, ignore_index=255)
        return torch.cat([weight.flatten() for weight in built['gan'].parameters()])

    alone = first_weights(dict(gan=GAN))
    assert torch.equal(first_weights(HRS), alone)
    assert not torch.equal(first_weights(dict(gan=GAN), seed=1), alone)
    twins = build_objectives(
        dict(one=WEIGHTING, two=WEIGHTING), num_classes=CLASSES, ignore_index=255
    )
    one, two = (next(twins[name].parameters()) for name in ('one', 'two'))
    assert not torch.equal(one, two)


def test_the_heads_ignore_index_reaches_the_objectives_that_set_none():
    weighting = HRS['weighting']
    model = build(
        dict(weighting=weighting, own=dict(weighting, ignore_index=7)),
        decode_head=dict(MODEL.decode_head, ignore_index=3),
    )
    assert model.objectives['weighting'].ignore_index == 3
    assert model.objectives['own'].ignore_index == 7


class Freezes(Objective):
    domains = ()
    freezes_segmentor = True

    def forward(self, outputs):
        return ObjectiveResult({})


def test_one_of_several_objectives_may_freeze_the_segmentor():
    model = build(dict(weighting=WEIGHTING, freezes=dict(type=Freezes))).train()
    for part in (model.backbone, model.decode_head):
        assert not any(module.training for module in part.modules())
        assert not any(weight.requires_grad for weight in part.parameters())
    assert all(module.training for module in model.objectives.modules())
    assert all(weight.requires_grad for weight in model.objectives.parameters())


def test_none_deletes_an_objective():
    assert list(build(dict(HRS, gan=None)).objectives) == ['weighting']


@pytest.mark.parametrize('domain', ['source', 'target'])
def test_supervised_loss_equals_equation_1_of_ass(domain):
    """Cross-entropy of the up-sampled softmax over labeled pixels, by value and by gradient."""
    model = build(dict(ga=dict(type='OutputAdversarial')), **DEEPLAB).double().eval()
    data = batch(domains=('source', 'target', 'unlabeled'), size=(45, 70), count=2)
    prepared = model.data_preprocessor(data, training=True)
    loss = model.loss(**prepared)[f'{domain}.decode.loss_ce']

    images = prepared['inputs'][domain]
    scores = model.decode_head(model.backbone(images))
    scores = interpolate(scores, size=(45, 70), mode='bilinear', align_corners=True)
    odds = scores.exp() / scores.exp().sum(1, keepdim=True)
    labels = torch.stack([s.gt_sem_seg.data[0] for s in prepared['data_samples'][domain]])
    terms = [-odds[n, labels[n, y, x], y, x].log() for n, y, x in (labels != 255).nonzero()]
    expected = sum(terms) / len(terms)
    torch.testing.assert_close(loss, expected, rtol=1e-8, atol=0)

    names, parameters = zip(*((n, p) for n, p in model.named_parameters() if p.requires_grad))
    got = torch.autograd.grad(loss, parameters, allow_unused=True)
    wanted = torch.autograd.grad(expected, parameters, allow_unused=True)
    for name, ours, theirs in zip(names, got, wanted):
        if name.startswith('objectives.'):
            assert ours is None  # D learns nothing from labels
        else:
            torch.testing.assert_close(ours, theirs, rtol=1e-7, atol=1e-12, msg=name)
            assert ours.any(), name
