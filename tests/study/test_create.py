from __future__ import annotations

import copy
import shutil

import pytest
import torch
from mmengine.config import Config
from mmseg.registry import DATASETS, MODELS, OPTIM_WRAPPER_CONSTRUCTORS

from mmseg_joint.engine.config_file import read_config
from mmseg_joint.errors import JointError
from mmseg_joint.study.create import Base
from mmseg_joint.study.methods import METHODS, choose_methods
from mmseg_joint.study.rows import parts_of
from tests.study.tiny_base import write_base
from tests.tiny import batch
from tests.tiny_configs import SIZE

KINDS = [(name, True) for name, method in METHODS.items() if 'target' in method.domains]
KINDS += [(name, False) for name, method in METHODS.items() if method.goes_unlabeled]


@pytest.fixture
def base(roots, tmp_path):
    return Base(read_config(str(write_base(roots, tmp_path))))


@pytest.mark.parametrize(('name', 'labeled'), KINDS)
def test_a_method_has_its_domains_objectives_and_optimizers(base, name, labeled):
    cfg, _ = base.config_of(name, labeled)
    method = METHODS[name]
    domains = [d for d in method.domains if labeled or d != 'target']
    loader = cfg.train_dataloader
    assert list(loader.dataset.domains) == domains
    assert dict(loader.sampler.samples_per_domain) == dict.fromkeys(domains, 2)
    assert loader.batch_size == 2 * len(domains)
    if 'target' in domains:
        assert loader.dataset.domains.target.type == 'LabelSubset'
    rare = loader.dataset.get('rare_classes', {})
    assert set(rare) == ({*domains} - {'unlabeled'} if method.rare_classes else set())
    pixels = 3000 * base.size[0] * base.size[1] / 512**2  # as in DAFormer
    assert {share.min_pixels for share in rare.values()} <= {round(pixels)}
    model = MODELS.build(copy.deepcopy(cfg.model))
    assert list(dict(model.objectives.items())) == [part.name for part in method.parts]
    build = OPTIM_WRAPPER_CONSTRUCTORS.get(cfg.optim_wrapper.constructor)
    build(copy.deepcopy(cfg.optim_wrapper))(model)  # every network has one optimizer
    if domains:
        losses = model.loss(**model.data_preprocessor(batch(domains=domains), training=True))
        assert all(torch.isfinite(torch.as_tensor(v)).all() for v in losses.values())


def test_the_target_may_be_a_list_of_datasets(base, tmp_path):
    cfg, domains = copy.deepcopy(base.cfg), base.cfg.train_dataloader.dataset.domains
    others = [dict(domains.target.dataset, data_root=f'{tmp_path / name}/') for name in 'ab']
    for other in others:
        shutil.copytree(domains.target.dataset.data_root, other['data_root'])
    both = dict(domains.target, dataset=others)
    cfg.train_dataloader.dataset.domains.target = [domains.target, both]
    several = Base(cfg)
    assert several.count_labels() == 3 * base.count_labels()
    made, _ = several.config_of('semi_supervised')
    made.train_dataloader.dataset.domains.target.count = 4
    dataset = DATASETS.build(made.train_dataloader.dataset)
    assert len(dataset.domains['target']) == 4
    assert len(dataset.domains['unlabeled']) == 3 * base.count_labels()


def test_all_methods_draw_rare_classes_as_the_base_does(roots, tmp_path):
    rare = dict(target=dict(min_pixels=7))
    path = write_base(roots, tmp_path, **{'train_dataloader.dataset.rare_classes': rare})
    base = Base(read_config(str(path)))
    for name in ('target', 'joint', 'strong'):
        cfg, chosen = base.config_of(name)
        assert cfg.train_dataloader.dataset.rare_classes == rare
        assert 'rare classes' not in ' '.join(chosen)
    cfg, _ = base.config_of('source')
    assert 'rare_classes' not in cfg.train_dataloader.dataset
    base.cfg.train_dataloader.dataset.rare_classes = dict(source=dict(min_pixels=7))
    cfg, _ = base.config_of('semi_supervised')
    assert 'rare_classes' not in cfg.train_dataloader.dataset


@pytest.mark.parametrize('labeled', [True, False])
def test_without_labels_the_teacher_follows_the_sources_classes(base, labeled):
    cfg, chosen = base.config_of('strong', labeled)
    teacher = cfg.model.objectives.teacher
    assert teacher.get('prior') == (None if labeled else 'source')
    assert ('the source' in ' '.join(chosen)) != labeled
    cfg, _ = base.config_of('class_mix', labeled)  # its teacher is not debiased
    assert 'prior' not in cfg.model.objectives.teacher


def test_without_the_source_classes_of_the_target_are_pasted(base):
    mixes = [base.config_of(n)[0].model.objectives.class_mix for n in ('semi_supervised', 'strong')]
    assert [mix.from_domains for mix in mixes] == [['target'], ['source', 'target']]


def test_two_stages_share_the_iterations(roots, tmp_path):
    poly = dict(type='PolyLR', power=0.9, by_epoch=False, begin=0, end=90)
    base = Base(read_config(str(write_base(roots, tmp_path, **{'train_cfg.max_iters': 90}))))
    base.cfg.param_scheduler = [poly]
    base.cfg.train_cfg.val_interval = 45
    cfg, (said,) = base.config_of('joint_finetune')
    assert 'two stages: 60 iterations on source and target, 30 at 0.25' in said
    cfg.work_dir = 'x'
    first, second = parts_of(cfg)
    assert [part.train_cfg.max_iters for part in (first, second)] == [60, 30]
    assert [part.train_cfg.val_interval for part in (first, second)] == [45, 30]
    assert [part.param_scheduler[0].end for part in (first, second)] == [60, 30]
    rates = [part.optim_wrapper.segmentor.optimizer.lr for part in (first, second)]
    assert rates == [2e-4, 0.5e-4]
    assert dict(first.train_dataloader.sampler.samples_per_domain) == dict(source=2, target=2)
    assert dict(second.train_dataloader.sampler.samples_per_domain) == dict(source=0, target=2)
    assert (first.train_dataloader.batch_size, second.train_dataloader.batch_size) == (4, 2)
    assert base.cfg.train_cfg.max_iters == 90  # as it was

    cfg, _ = base.config_of('maxsquare', labeled=False)
    cfg.work_dir = 'x'
    first, second = parts_of(cfg)
    assert (first.model.objectives, list(second.model.objectives)) == (None, ['regularization'])
    assert dict(second.train_dataloader.sampler.samples_per_domain) == dict(source=2, unlabeled=2)


@pytest.mark.parametrize(
    ('model', 'kind', 'channels', 'stride'),
    [
        ('segformer/segformer_mit-b0_8xb2-160k_ade20k-512x512.py', 'EncoderDecoder', 256, 32),
        ('fastscnn/fast_scnn_8xb4-160k_cityscapes-512x1024.py', 'EncoderDecoder', 128, 8),
        ('ocrnet/ocrnet_hr18s_4xb4-80k_ade20k-512x512.py', 'CascadeEncoderDecoder', 144, 32),
    ],
)
def test_objectives_fit_any_model(base, tmp_path, model, kind, channels, stride):
    """A plain mmseg model, independent of this package, with its own optimizer."""
    plain = tmp_path / 'plain.py'
    plain.write_text(f"_base_ = ['mmseg::{model}']\n")
    theirs = Config.fromfile(plain)
    theirs.optim_wrapper.update(type='AmpOptimWrapper', accumulative_counts=2)
    cfg = copy.deepcopy(base.cfg)
    cfg.model, cfg.optim_wrapper = theirs.model, theirs.optim_wrapper
    cfg.model.data_preprocessor.size = (64, 64)
    cfg.model.backbone.pop('init_cfg', None)
    assert cfg.model.type == kind
    base = Base(cfg)
    assert (base.outputs.channels, base.outputs.stride) == (channels, stride)
    assert base.size == SIZE[::-1]  # of the crops
    for name in ('hrs', 'csa'):
        made, chosen = base.config_of(name)
        assert made.model.type == f'Joint{kind}'
        assert f'of {channels} channels' in ' '.join(chosen)
        built = MODELS.build(copy.deepcopy(made.model))
        images = batch(domains=METHODS[name].domains, size=(64, 64), count=2)
        built.loss(**built.data_preprocessor(images, training=True))
        wrapper = made.optim_wrapper
        assert wrapper.segmentor.optimizer == theirs.optim_wrapper.optimizer
        assert (wrapper.dtype, wrapper.accumulative_counts) == ('float16', 2)
        build = OPTIM_WRAPPER_CONSTRUCTORS.get(wrapper.constructor)
        build(copy.deepcopy(wrapper))(built)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(stages=[dict(name='a')]), 'has stages, which methods bring'),
        (dict(val_dataloader=None, val_cfg=None, val_evaluator=None), 'no val_dataloader'),
        ({'train_dataloader.dataset.domains': {}}, r'no train_dataloader.dataset.domains.target'),
        (
            {'train_dataloader.dataset.domains': dict(target='a')},
            r'no .*domains.target, the labeled',
        ),
        ({'train_dataloader.sampler': dict(type='InfiniteSampler')}, 'no .*samples_per_domain'),
        (
            dict(train_cfg=dict(type='EpochBasedTrainLoop', max_epochs=3)),
            r'no train_cfg\.max_iters: a study counts iterations',
        ),
    ],
)
def test_a_base_config_without_what_methods_need(base, changes, message):
    cfg = copy.deepcopy(base.cfg)
    for key, value in changes.items():
        place, _, last = key.rpartition('.')
        node = cfg
        for part in filter(None, place.split('.')):
            node = node[part]
        node[last] = value
    with pytest.raises(JointError, match=message):
        Base(cfg)


def test_a_method_that_the_model_or_the_data_cannot_take(base):
    cfg = copy.deepcopy(base.cfg)
    cfg.model.decode_head.loss_decode = dict(type='DiceLoss')
    with pytest.raises(JointError, match='cannot take the method hrs: DiceLoss takes no pixel'):
        Base(cfg).config_of('hrs')
    del cfg.train_dataloader.dataset.domains['source']
    del cfg.train_dataloader.sampler.samples_per_domain['source']
    cfg.train_dataloader.batch_size = 2
    with pytest.raises(JointError, match=r'no samples of train_dataloader.dataset.domains.source'):
        Base(cfg).config_of('joint')


@pytest.mark.parametrize('times', [1, 3])
def test_watching_holds_out_a_few_source_images(roots, tmp_path, write_gta, times):
    write_gta(tmp_path / 'more', count=20, height=60, width=80)
    path = write_base({**roots, 'GTADataset': tmp_path / 'more'}, tmp_path)
    cfg = read_config(str(path))
    domains = cfg.train_dataloader.dataset.domains
    domains.source = dict(type='RepeatDataset', times=times, dataset=domains.source)
    base = Base(cfg, watch_every=50)
    for name, watched in (('joint', True), ('source', False), ('target', False)):
        cfg, _ = base.config_of(name, labeled=name != 'source')
        hooks = [hook for hook in cfg.custom_hooks if hook['type'] == 'GradientCosineHook']
        assert len(hooks) == watched
        source = cfg.train_dataloader.dataset.domains.get('source')
        if source:  # each method trains on the same images
            names = set(DATASETS.build(source).names)
            assert len(names) == 12
        if watched:
            assert hooks[0]['interval'] == 50
            held_out = DATASETS.build(hooks[0]['held_out'])
            assert len(held_out) == 8
            assert names.isdisjoint(held_out.names)


def test_held_out_images_of_a_repeated_source_are_not_trained_on(roots, tmp_path, write_gta):
    write_gta(tmp_path / 'more', count=20, height=60, width=80)
    path = write_base({**roots, 'GTADataset': tmp_path / 'more'}, tmp_path)
    cfg = read_config(str(path))
    domains = cfg.train_dataloader.dataset.domains
    domains.source = dict(type='RepeatDataset', times=3, dataset=domains.source)
    cfg, _ = Base(cfg, watch_every=50).config_of('joint')
    held_out = DATASETS.build(cfg.custom_hooks[-1].held_out).names
    trained = DATASETS.build(cfg.train_dataloader.dataset.domains.source).names
    assert (len(held_out), len(trained)) == (8, 12)
    assert set(held_out).isdisjoint(trained)


def test_an_unknown_method():
    with pytest.raises(JointError, match='no method "maxsqare"; did you mean maxsquare'):
        choose_methods(['maxsqare'])
    assert choose_methods(['hrs', 'target', 'hrs']) == ['target', 'hrs']


def test_checkpoints_of_all_runs_stay_in_their_own_folders(base):
    base.cfg.default_hooks.checkpoint.out_dir = 'elsewhere'
    cfg, _ = base.config_of('joint')
    assert 'out_dir' not in cfg.default_hooks.checkpoint


@pytest.mark.parametrize(('given', 'kept'), [({}, None), (dict(by_epoch=False), 1)])
def test_an_interval_of_checkpoints_that_counts_epochs_is_none_of_iterations(base, given, kept):
    base.cfg.default_hooks.checkpoint = dict(type='CheckpointHook', interval=1, **given)
    saving = base.config_of('joint')[0].default_hooks.checkpoint
    assert (saving.get('interval'), saving.type) == (kept, 'AtomicCheckpointHook')
    assert saving.by_epoch is False


@pytest.mark.parametrize('given', [dict(logger=dict(interval=7)), dict(logger=None), {}])
def test_scores_are_logged_with_their_iteration(base, given):
    base.cfg.default_hooks = given
    logger = base.config_of('joint')[0].default_hooks.logger
    own = given.get('logger') or {}
    assert logger == {'type': 'LoggerHook', **own, 'log_metric_by_epoch': False}


@pytest.mark.parametrize('imports', ['mmseg_joint.streets', None])
def test_imports_may_be_one_name_or_none(base, imports):
    base.cfg.custom_imports = dict(imports=imports)
    names = base.config_of('joint')[0].custom_imports.imports
    assert names == ['mmseg_joint', *filter(None, [imports])]


def test_the_classes_are_scored_beside_the_metrics_of_an_evaluator(base):
    for metrics in (dict(type='IoUMetric'), [dict(type='IoUMetric')]):
        base.cfg.val_evaluator = dict(type='Evaluator', metrics=metrics)
        found = base.config_of('joint')[0].val_evaluator
        assert found.type == 'Evaluator'
        assert [metric.type for metric in found.metrics] == ['IoUMetric', 'ClassIoUMetric']


def test_images_that_are_validated_on_are_not_trained_on(base):
    cfg, split = base.cfg, dict(type='LabelSubset', count=1, seed=3)
    whole = cfg.train_dataloader.dataset.domains.target.dataset
    held_out, other = (dict(split, dataset=whole, **x) for x in (dict(held_out=True), {}))
    for target, val in ((held_out, other), (other, held_out)):
        cfg.train_dataloader.dataset.domains.target = target
        cfg.val_dataloader.dataset = val
        made = Base(copy.deepcopy(cfg))
        assert made.count_labels() == len(DATASETS.build(copy.deepcopy(target)))
        images = DATASETS.build(copy.deepcopy(made.target)).names
        assert not {*images} & {*DATASETS.build(copy.deepcopy(val)).names}


def test_repeated_images_count_once(base):
    count = base.count_labels()
    target = base.cfg.train_dataloader.dataset.domains.target
    base.cfg.train_dataloader.dataset.domains.target = dict(
        type='RepeatDataset', times=5, dataset=target
    )
    assert Base(base.cfg).count_labels() == count


def test_the_last_iteration_of_each_stage_is_validated(base):
    base.cfg.train_cfg.update(max_iters=90, val_interval=10, val_begin=60)
    cfg, _ = base.config_of('joint_finetune')
    cfg.work_dir = 'x'
    assert [part.train_cfg.val_begin for part in parts_of(cfg)] == [60, 30]
    short = Base(base.cfg, iterations=20).config_of('joint')[0]
    assert short.train_cfg.get('val_begin', 1) <= 20


def test_schedules_of_the_bases_networks_become_those_of_the_methods(base):
    poly, constant = ([dict(type=kind, by_epoch=False)] for kind in ('PolyLR', 'ConstantLR'))
    base.cfg.optim_wrapper.weighting = base.cfg.optim_wrapper.segmentor
    base.cfg.param_scheduler = dict(segmentor=poly, weighting=constant)
    base = Base(base.cfg)
    assert base.config_of('joint')[0].param_scheduler == dict(segmentor=poly)
    networks = {'gan.generator': poly, 'gan.discriminator': poly}
    wanted = dict(segmentor=poly, weighting=constant, **networks)
    assert base.config_of('hrs')[0].param_scheduler == wanted


def test_a_second_stage_needs_a_learning_rate_to_lower(base):
    del base.cfg.optim_wrapper.segmentor.optimizer['lr']
    assert base.config_of('joint')
    with pytest.raises(JointError, match=r'optim_wrapper.segmentor.optimizer has no lr'):
        base.config_of('joint_finetune')


@pytest.mark.parametrize(
    'evaluator',
    [
        dict(type='IoUMetric', iou_metrics=['mDice']),
        [dict(type='IoUMetric', prefix='val'), dict(type='ClassIoUMetric')],
        dict(metrics=[dict(type='ClassIoUMetric')]),
    ],
)
def test_an_evaluator_without_the_score_is_refused_before_anything_is_trained(base, evaluator):
    base.cfg.val_evaluator = evaluator
    with pytest.raises(JointError, match=r'val_evaluator gives no mIoU, by which methods are'):
        Base(base.cfg)
