"""Configs and command lines written before names changed: they work, with a warning."""

import warnings

import pytest
from mmengine.config import Config

import tools.benchmark
from mmseg_joint.datasets import GTADataset, JointDataset, JointSampler, LabelSubset
from mmseg_joint.engine.config_file import read_config
from mmseg_joint.engine.stages import read_stages
from mmseg_joint.utils.renamed import rename_keys
from tests.tiny import build

BASE = """
model = dict(type='JointMaskEncoderDecoder', sequential_domains=False)
train_dataloader = dict(
    sampler=dict(type='JointSampler', samples_per_domain=dict(source=2, target=2)),
    dataset=dict(domains=dict(target=dict(type='LabelSubset', fraction=0.5, dataset=dict()))),
)
train_cfg = dict(max_iters=3)
default_hooks = dict(
    images=dict(type='TrainingPicturesHook', interval=4, samples=2),
    checkpoint=dict(type='AtomicCheckpointHook', by_epoch=False),
)
"""


@pytest.fixture
def read(tmp_path):
    """Read a child config of BASE; only the old names may be warned of."""
    (tmp_path / 'base.py').write_text(BASE)

    def write_and_read(text, options=None, warned=()):
        (tmp_path / 'child.py').write_text(f"_base_ = ['./base.py']\n{text}")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter('always')
            cfg = read_config(str(tmp_path / 'child.py'), options)
        messages = [str(entry.message) for entry in caught if entry.category is FutureWarning]
        assert len(messages) == len(warned)
        for text, (old, new) in zip(messages, warned):
            assert f'child.py: {old} is called {new} now' in text and '0.3.0' in text
        return cfg

    return write_and_read


SHARES = ('train_dataloader.sampler.shares', 'samples_per_domain')
OLD = {
    'a domain of several': (
        'train_dataloader = dict(sampler=dict(shares=dict(target=0)))',
        'train_dataloader.sampler.samples_per_domain',
        dict(source=2, target=0),
        SHARES,
    ),
    'a type with its scope': (
        "val_dataloader = dict(dataset=dict(type='mmseg.LabelSubset', share=0.5))",
        'val_dataloader.dataset',
        dict(type='mmseg.LabelSubset', fraction=0.5),
        ('val_dataloader.dataset.share', 'fraction'),
    ),
    'all domains': (
        'train_dataloader = dict(sampler=dict(shares=dict(_delete_=True, unlabeled=1)))',
        'train_dataloader.sampler.samples_per_domain',
        dict(unlabeled=1),
        SHARES,
    ),
    'another way to choose': (
        'train_dataloader = dict(dataset=dict(domains=dict(target=dict(share=None, count=3))))',
        'train_dataloader.dataset.domains.target',
        dict(type='LabelSubset', fraction=None, count=3, dataset={}),
        ('train_dataloader.dataset.domains.target.share', 'fraction'),
    ),
    'a part of a hook': (
        'default_hooks = dict(pictures=dict(interval=9))',
        'default_hooks.images',
        dict(type='TrainingPicturesHook', interval=9, samples=2),
        ('default_hooks.pictures', 'images'),
    ),
    'an argument of the base class': (
        'model = dict(domains_in_turn=True)',
        'model',
        dict(type='JointMaskEncoderDecoder', sequential_domains=True),
        ('model.domains_in_turn', 'sequential_domains'),
    ),
    'within a list': (
        "train_dataloader = dict(dataset=dict(datasets=[dict(type='GTADataset', labelled=False)]))",
        'train_dataloader.dataset.datasets.0',
        dict(type='GTADataset', labeled=False),
        ('train_dataloader.dataset.datasets.0.labelled', 'labeled'),
    ),
}


@pytest.mark.parametrize('case', OLD)
def test_old_keys_in_a_child_config(read, case):
    text, key, wanted, warned = OLD[case]
    node = read(text, warned=[warned])
    for part in key.split('.'):
        node = node[int(part)] if part.isdigit() else node[part]
    assert node == wanted


def test_old_keys_on_the_command_line(read):
    options = {'train_dataloader.sampler.shares.target': 1, 'default_hooks.pictures.interval': 0}
    warned = [SHARES, ('default_hooks.pictures', 'images')]
    cfg = read('', options, warned)
    assert cfg.train_dataloader.sampler.samples_per_domain == dict(source=2, target=1)
    assert cfg.default_hooks.images.interval == 0 and 'pictures' not in cfg.default_hooks


def test_new_keys_are_not_warned_of(read):
    assert read('').train_dataloader.sampler.samples_per_domain == dict(source=2, target=2)


def test_the_row_of_a_table_in_a_config_is_sent_to_the_metafile(tmp_path):
    path = tmp_path / 'mine.py'
    path.write_text(BASE + "table_row = dict(paper='HRS', table='1', row='FCN')")
    with pytest.warns(FutureWarning) as warned:
        cfg = read_config(str(path))
    (message,) = (str(entry.message) for entry in warned)
    assert message.startswith(f'{path}: table_row: the row')
    assert 'configs/metafile/<paper>.yaml' in message
    assert 'table_row' not in cfg


def test_an_old_key_in_a_stage(read):
    stages = """
work_dir = 'w'
stages = [
    dict(
        name='source',
        train_dataloader=dict(sampler=dict(shares=dict(target=0))),
        default_hooks=dict(pictures=dict(interval=9)),
    ),
]
"""
    with pytest.warns(FutureWarning, match=r'stages\.0 .*shares is called samples_per_domain'):
        (stage,) = read_stages(read(stages, warned=[('stages.0.default_hooks.pictures', 'images')]))
    assert stage.cfg.default_hooks.images.interval == 9
    assert stage.cfg.train_dataloader.sampler.samples_per_domain == dict(source=2, target=0)


def test_a_config_that_nobody_edits_is_renamed_silently():
    cfg = Config(dict(default_hooks=dict(pictures=dict(interval=1))))
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        rename_keys(cfg)
    assert cfg.default_hooks == dict(images=dict(interval=1))


class OwnGTA(GTADataset):
    """A user's: a subclass of a subclass of the one that was changed."""


def test_an_old_key_of_a_users_class():
    cfg = Config(dict(dataset=dict(type='OwnGTA', labelled=False)))
    rename_keys(cfg)
    assert cfg.dataset == dict(type='OwnGTA', labeled=False)


def test_old_arguments_of_classes(roots):
    """What programs other than our tools build."""
    city = dict(type='CityscapesIdsDataset', data_root=str(roots['CityscapesIdsDataset']))
    with pytest.warns(FutureWarning, match='LabelSubset: share is called fraction now'):
        few = LabelSubset(city, share=0.5)
    assert few.names == LabelSubset(city, fraction=0.5).names
    with pytest.warns(FutureWarning, match='JointSampler: shares is called samples_per_domain'):
        sampler = JointSampler(JointDataset(dict(target=few)), shares=dict(target=2), seed=0)
    assert sampler.batch_size == 2
    with pytest.warns(FutureWarning, match='GTADataset: labelled is called labeled'):
        dataset = GTADataset(labelled=False, data_root=str(roots['GTADataset']), pipeline=[])
    assert 'seg_map_path' not in dataset.get_data_info(0)
    with pytest.warns(FutureWarning, match='JointEncoderDecoder: domains_in_turn is called seq'):
        assert build(domains_in_turn=True).sequential_domains


def test_old_flags():
    with pytest.warns(FutureWarning) as warned:
        args = tools.benchmark.parse_args(['config.py', '--share=3', '--in-turn'])
    assert (args.samples_per_domain, args.sequential_domains) == (3, True)
    assert [str(entry.message).split(';')[0] for entry in warned] == [
        'the command line: --share is called --samples-per-domain now',
        'the command line: --in-turn is called --sequential-domains now',
    ]
