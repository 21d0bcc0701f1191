from __future__ import annotations

import argparse
import copy
from pathlib import Path

import pytest
from mmengine.config import Config, DictAction

from mmseg_joint.errors import JointError
from mmseg_joint.study.cells import Selection
from mmseg_joint.study.jobs import plan
from tests.study.logs import trained, write_run, write_start

TARGET = 'train_dataloader.dataset.domains.target'


def planned(table, selection, **settings):
    return plan(table, Path('runs'), selection, **settings)


def changed(job) -> Config:
    """Return the config as tools/train.py will see it."""
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=DictAction)
    cfg = Config.fromfile(job.row.path, import_custom_modules=False)
    cfg.merge_from_dict(parser.parse_args(['--cfg-options', *job.options]).cfg_options)
    return cfg


def test_all_rows_with_the_first_seed_come_first(tables):
    jobs = planned(tables['hrs1'], Selection('camvid'))
    rows = [row.name for row in tables['hrs1'].at('camvid')]
    assert [(job.seed, job.row.name) for job in jobs] == [(s, r) for s in range(3) for r in rows]
    unlabeled = {job.row.name for job in jobs if job.labels == 0}
    assert {job.labels for job in jobs} == {0, 12} and 'ROAD' in str(unlabeled)
    jobs = planned(tables['ass1'], Selection('camvid', [6, 46], [4], ['oracle', 'ga+csa']))
    assert [(job.row.name, job.labels, job.seed) for job in jobs] == [
        *(('Oracle', 6, 4), ('Oracle', 46, 4), ('GA+CSA', 6, 4), ('GA+CSA', 46, 4))
    ]
    folders = [str(job.folder) for job in jobs]
    assert folders[1] == 'runs/squeezenet_camvid/46/seed4'
    assert len(set(folders)) == 4


def test_labels_and_seed_reach_the_config(tables):
    (job,) = planned(tables['hrs1'], Selection('camvid', [46], [2], ['Ours with W^1']))
    cfg = changed(job)
    target = cfg.train_dataloader.dataset.domains.target
    assert (target.count, target.seed, cfg.randomness.seed) == (46, 2, 2)
    assert cfg.default_hooks.checkpoint.interval == 150  # 600 iterations
    assert job.iterations == (600,)
    assert '--resume' in job.arguments
    assert job.arguments[:3] == (str(job.row.path), '--work-dir', str(job.folder))
    short = ['train_cfg.max_iters=3']
    (job,) = planned(tables['hrs1'], Selection('camvid', None, [2], ['FCN']), options=short)
    assert changed(job).default_hooks.checkpoint.interval == 1


def test_rows_in_stages_and_rows_without_a_subset(tables):
    (two,) = planned(tables['hrs1'], Selection('camvid', None, [1], ['Target Finetuning']))
    assert two.iterations == (600, 600)
    adapt = planned(tables['maxsquare-gta5'], Selection('camvid', None, [1], ['MinEnt']))[0]
    assert (adapt.iterations, adapt.labels) == ((600, 300), 0)
    assert not [option for option in adapt.options if 'count' in option]
    assert changed(adapt).default_hooks.checkpoint.interval == 75
    (full,) = planned(tables['hrs1'], Selection('paper', None, [1], ['FCN']))
    assert full.labels == 2975
    assert not [option for option in full.options if TARGET in option]
    assert changed(full).default_hooks.checkpoint.interval == 4000
    (part,) = planned(tables['hrs5'], Selection('paper', None, [1], ['1/4']))
    assert changed(part).train_dataloader.dataset.domains.target.seed == 1
    assert part.labels == 744
    (none,) = planned(tables['hrs1'], Selection('streets', None, [0], ['FCN']))
    assert (none.labels, none.folder.parent.name) == (None, 'all')


def test_at_the_scale_of_the_paper_the_labels_are_the_papers(tables):
    jobs = planned(tables['ass1'], Selection('paper', None, [0], ['GA']))
    assert [(job.row.stem, job.labels) for job in jobs] == [
        ('adaptsegnet_multi_deeplabv2_gta_city', 0),
        *(('ga_deeplabv2_gta_city', n) for n in (50, 100, 200, 500, 1000, 2975)),
    ]
    jobs = planned(tables['ass1'], Selection('paper', [50], [0], ['GA']))
    assert [(job.row.stem, job.labels) for job in jobs] == [('ga_deeplabv2_gta_city', 50)]


def test_data_reaches_every_dataset_of_its_type(tables):
    data = ['CamVidDataset=/data/camvid', 'GTADataset=/data/rendered=1']
    for job in planned(tables['ass1'], Selection('camvid', [6], [0]), data=data):
        cfg = changed(job)
        domains = cfg.train_dataloader.dataset.domains
        assert domains.target.dataset.data_root == '/data/camvid'
        assert cfg.val_dataloader.dataset.data_root == '/data/camvid'
        assert cfg.test_dataloader.dataset.data_root == '/data/camvid'
        assert set(domains) == (
            {'target'} if job.row.name == 'Oracle' else {'source', 'target', 'unlabeled'}
        )
        if job.row.name != 'Oracle':
            assert domains.source.data_root == '/data/rendered=1'
            assert domains.unlabeled.data_root == '/data/camvid'
    (both,) = planned(
        *(tables['hrs3'], Selection('paper', None, [0], ['PixelDA'])),
        data=['SynthiaDataset=/s', 'GTADataset=/g'],
    )
    mixed = changed(both).train_dataloader.dataset.domains.source.datasets
    assert [dataset.data_root for dataset in mixed] == ['/g', '/s']


def test_options_reach_the_configs_that_have_a_place_for_them(tables):
    options = [
        'optim_wrapper.dtype=float32',
        'train_cfg.max_iters=40',
        'stages.0.train_cfg.max_iters=80',
        'model.objectives.weighting.levels=(pixel,)',
    ]
    names = ['FCN', 'Target Finetuning', 'Ours with W^19']
    settings = dict(options=[*options[:2], options[3], 'compile=True'])
    fcn, two, hrs = planned(tables['hrs1'], Selection('camvid', None, [0], names), **settings)
    assert (fcn.iterations, two.iterations) == ((40,), (40, 40))
    assert changed(fcn).optim_wrapper.dtype == 'float32'
    assert changed(fcn).compile is True
    assert 'objectives' not in changed(fcn).model
    assert list(changed(hrs).model.objectives.weighting.levels) == ['pixel']
    adapt = Selection('camvid', None, [0], ['MinEnt', 'source only'])
    jobs = planned(tables['maxsquare-gta5'], adapt, options=options[1:3])
    assert [job.iterations for job in jobs] == [(40,), (80, 40)]


@pytest.mark.parametrize(
    ('table', 'choice', 'settings', 'message'),
    [
        ('hrs4', dict(scale='camvid'), {}, 'No config runs .*hrs4.*choose --scale from paper'),
        ('hrs1', dict(rows=['FCN'], labels=[6]), {}, 'take 2975 labeled .*leave --labels out'),
        ('hrs1', dict(scale='streets', labels=[6]), {}, 'take all labeled'),
        ('hrs1', {}, dict(data=['CamvidDataset=x']), 'CamvidDataset=x fits no config'),
        ('hrs1', {}, dict(data=['CamVidDataset']), 'not of the form NAME=VALUE'),
        ('hrs1', {}, dict(options=['modle.backbone.depth=3']), 'fits no config of these rows'),
        ('hrs1', {}, dict(options=['randomness.seed=3']), 'use --seeds, --labels'),
    ],
)
def test_options_that_fit_no_config_are_refused(tables, table, choice, settings, message):
    with pytest.raises(JointError, match=message):
        planned(tables[table], Selection(**choice), **settings)


def test_a_run_that_tools_train_began_is_taken_over(tables, tmp_path):
    (first,) = plan(tables['hrs1'], tmp_path, Selection('camvid', None, [1], ['FCN']))
    write_run(tmp_path / 'squeezenet_camvid', 40.0, total=600, cfg=first.cfgs[0])
    jobs = plan(tables['hrs1'], tmp_path, Selection('camvid', None, [0, 1], ['FCN']))
    home = tmp_path / 'squeezenet_camvid'
    assert [job.folder for job in jobs] == [home / '12/seed0', home]
    assert [job.run() and job.run().miou for job in jobs] == [None, 40.0]


def test_a_run_of_another_length_is_not_taken_for_this_one(tables, tmp_path):
    selection = Selection('camvid', None, [0], ['FCN'])
    (job,) = plan(tables['hrs1'], tmp_path, selection)
    assert job.run() is None
    shorter = copy.deepcopy(job.cfgs[0])
    shorter.train_cfg.max_iters = 500
    write_start(job.folder, trained(50), cfg=shorter)
    for start in ('20200102_000000', '20200103_000000'):
        with pytest.raises(JointError, match=r'max_iters=500, and 600 is wanted now: give other'):
            job.run()
        write_run(job.folder, 40.0, total=500, start=start, cfg=shorter)


def test_a_run_that_has_not_reached_its_second_stage_continues(tables, tmp_path):
    selection = Selection('camvid', [6, 46], [0], ['Target Finetuning'])
    few, many = plan(tables['hrs1'], tmp_path, selection)
    for job in (few, many):
        write_start(job.folder / 'source', trained(50), cfg=job.cfgs[0])
    again = plan(tables['hrs1'], tmp_path, selection)
    assert [job.folder for job in again] == [few.folder, many.folder]
    assert {job.run().reached for job in again} == {'50 of 600 iterations of stage "source"'}


@pytest.mark.parametrize('miou', [40.0, None])
@pytest.mark.parametrize(
    ('option', 'said'),
    [
        ('optim_wrapper.segmentor.optimizer.lr=1.0', r'optimizer\.lr=0\.0002, and 1\.0 is wanted'),
        ('model.backbone.init_cfg=None', r'init_cfg\.type=Pretrained, and nothing is wanted'),
        ('model.train_cfg.new=3', r'train_cfg\.new=nothing, and 3 is wanted'),
        ('val_evaluator.iou_metrics=(mDice,)', 'iou_metrics.0=mIoU, and mDice is wanted'),
    ],
)
def test_a_run_trained_differently_is_not_taken_for_this_one(tables, tmp_path, miou, option, said):
    selection = Selection('camvid', None, [0], ['FCN'])
    (job,) = plan(tables['hrs1'], tmp_path, selection)
    if miou is None:
        write_start(job.folder, trained(50), cfg=job.cfgs[0])
    else:
        write_run(job.folder, miou, total=600, cfg=job.cfgs[0])
    with pytest.raises(JointError, match=rf'seed0 has been trained with .*{said} now: give other'):
        plan(tables['hrs1'], tmp_path, selection, options=[option])[0].run()
    same = ['model.backbone.init_cfg.checkpoint=elsewhere.pth', 'train_dataloader.num_workers=7']
    moved = plan(tables['hrs1'], tmp_path, selection, ['CamVidDataset=elsewhere'], same)
    assert moved[0].run().miou == miou


@pytest.mark.parametrize(('given', 'interval'), [(-1, 150), (100, 100)])
def test_a_config_that_saves_only_its_end_is_not_saved_at_every_step(tables, given, interval):
    options = [f'default_hooks.checkpoint.interval={given}']
    (job,) = planned(tables['hrs1'], Selection('camvid', None, [0], ['FCN']), options=options)
    assert changed(job).default_hooks.checkpoint.interval == interval


def test_what_is_asked_for_twice_is_run_once(tables):
    jobs = planned(tables['hrs1'], Selection('camvid', [6, 46, 6], [1, 0, 1], ['Ours with W^1']))
    assert [(job.seed, job.labels) for job in jobs] == [(1, 6), (1, 46), (0, 6), (0, 46)]
