from __future__ import annotations

import copy

import pytest
from mmengine.config import Config

from mmseg_joint.engine.stages import config_of_checkpoint, read_stages
from mmseg_joint.errors import JointError
from tests.tiny_configs import ROOT

FINETUNE = dict(
    name='finetune',
    model=dict(objectives=None),
    train_dataloader=dict(batch_size=1, sampler=dict(samples_per_domain=dict(source=0))),
    train_cfg=dict(max_iters=7),
)


def config(*stages, **changes) -> Config:
    cfg = Config.fromfile(ROOT / 'configs/hrs_fcn8s_gta_city.py')
    cfg.work_dir = 'somewhere'
    cfg.merge_from_dict(changes)
    cfg.stages = copy.deepcopy(list(stages))
    return cfg


def test_a_stage_is_the_config_with_its_own_values_merged_in():
    optimizer = dict(optimizer=dict(_delete_=True, type='SGD', lr=0.1))
    cfg = config(dict(name='source', optim_wrapper=dict(segmentor=optimizer)), FINETUNE)
    before = cfg.to_dict()
    source, finetune = read_stages(cfg)
    assert cfg.to_dict() == before
    assert source.cfg.optim_wrapper.segmentor.optimizer == dict(type='SGD', lr=0.1)
    assert source.cfg.optim_wrapper.gan == cfg.optim_wrapper.gan
    assert source.cfg.train_cfg == cfg.train_cfg
    assert finetune.cfg.optim_wrapper == cfg.optim_wrapper
    assert finetune.cfg.model.objectives is None
    assert finetune.cfg.train_dataloader.sampler.samples_per_domain == dict(source=0, target=1)
    assert (source.total, finetune.total) == (80000, 7)
    assert [stage.cfg.work_dir for stage in (source, finetune)] == [
        *('somewhere/source', 'somewhere/finetune')
    ]
    names = [stage.cfg.experiment_name for stage in (source, finetune)]
    assert names == ['hrs_fcn8s_gta_city_source', 'hrs_fcn8s_gta_city_finetune']
    (named,) = read_stages(config(FINETUNE, experiment_name='mine'))
    assert named.cfg.experiment_name == 'mine_finetune'
    assert all('stages' not in stage.cfg for stage in (source, finetune))


def test_options_reach_all_stages_or_one():
    cfg = config(dict(name='source'), FINETUNE)
    cfg.merge_from_dict(
        {'stages.1.train_cfg.max_iters': 9, 'stages.0.randomness.seed': 5, 'log_level': 'ERROR'}
    )
    source, finetune = read_stages(cfg)
    assert finetune.total == 9
    assert (source.cfg.randomness.seed, finetune.cfg.randomness.seed) == (5, 0)
    assert source.cfg.log_level == finetune.cfg.log_level == 'ERROR'


def test_the_config_that_a_checkpoint_is_tested_with():
    cfg = config(dict(name='source'), FINETUNE)
    assert config_of_checkpoint(cfg, '/runs/source/iter_5.pth').train_cfg.max_iters == 80000
    for path in ('finetune/iter_5.pth', 'downloaded.pth'):
        assert config_of_checkpoint(cfg, path).train_cfg.max_iters == 7
        assert config_of_checkpoint(cfg, path).work_dir == 'somewhere'
    cfg.stages = None
    assert config_of_checkpoint(cfg, 'source/iter_5.pth') is cfg


CHECKPOINT = 'default_hooks.checkpoint'
MISTAKES = {
    'empty list': ([], {}, r'stages is \[\]: list at least one'),
    'no dict': (['source'], {}, r'stages\.0 needs a name .* has None'),
    'no name': ([dict(name='a'), dict()], {}, r'stages\.1 needs a name'),
    'name of no folder': ([dict(name='../a')], {}, r"stages\.0 needs a name .*'\.\./a'"),
    'one name twice': ([dict(name='a'), dict(name='a')], {}, r'stages\.1\.name is "a"'),
    'misspelled key': (
        [dict(name='a', train_cgf=dict(max_iters=1))],
        {},
        r'stages\.0 \("a"\) sets train_cgf, .* did you mean train_cfg\?',
    ),
    'variable': ([dict(name='a', city_root='data')], {}, r'sets city_root, which no training'),
    'work dir': ([dict(name='a', work_dir='b')], {}, r'sets work_dir, which is one for all'),
    'start of its own': (
        [dict(name='a', load_from='x.pth'), dict(name='b', load_from='y.pth')],
        {},
        r'stages\.1 \("b"\) sets load_from',
    ),
    'dict for a list': (
        [dict(name='a', param_scheduler=dict(segmentor=[], gan=dict(type='x')))],
        {},
        r'stages\.0 \("a"\) does not fit the config',
    ),
    'dict for a number': ([dict(name='a', randomness=dict(seed=dict(x=1)))], {}, r'_delete_'),
    'section of no use': ([dict(name='a', log_level='LOUD')], {}, "log_level is 'LOUD'"),
    'no last checkpoint': (
        [dict(name='a')],
        {f'{CHECKPOINT}.save_last': False},
        r'keeps no last checkpoint.* save_last=True',
    ),
    'no checkpoint': ([dict(name='a')], {CHECKPOINT: None}, r'keeps no last checkpoint'),
    'checkpoints elsewhere': ([dict(name='a')], {f'{CHECKPOINT}.out_dir': 'b'}, r'--work-dir'),
    'epochs and iterations': (
        [dict(name='a')],
        {f'{CHECKPOINT}.by_epoch': True},
        r'needs train_cfg\.max_epochs',
    ),
}


@pytest.mark.parametrize('mistake', MISTAKES)
def test_a_mistake_is_one_sentence(mistake):
    stages, changes, message = MISTAKES[mistake]
    with pytest.raises(JointError, match=message):
        read_stages(config(*stages, **changes))
