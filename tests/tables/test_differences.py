"""Two rows of one table differ only in their method."""

from __future__ import annotations

from fnmatch import fnmatchcase
from itertools import combinations

import pytest

from mmseg_joint.engine.sections import TRAINING_READS
from mmseg_joint.engine.stages import read_stages
from tests.tables.project import TABLES

RUNS = {*TRAINING_READS, 'stages'} - {'cfg', 'work_dir'}

BATCH = 'train_dataloader.batch_size'
SHARES, DOMAINS = 'train_dataloader.sampler.samples_per_domain', 'train_dataloader.dataset.domains'


def domain(name):
    return (BATCH, f'{SHARES}.{name}', f'{DOMAINS}.{name}.*')


def objective(name):
    return (f'model.objectives.{name}.*', f'optim_wrapper.{name}.*')


SOURCE = (*domain('source'), 'train_dataloader.dataset.rare_classes.source.*')
UNLABELED = domain('unlabeled')
# a second classifier, ten times as fast as the backbone like the first
AUXILIARY = (
    'model.auxiliary_head.*',
    'optim_wrapper.segmentor.paramwise_cfg.custom_keys.auxiliary_head.*',
)
# no label of the target
ADAPTED = (*UNLABELED, f'{SHARES}.target')
ROAD, CONSERVATIVE = (
    f'{name} (after the abstract, details ours)' for name in ('ROAD', 'Conservative Loss')
)
HRS = {
    'Direct Joint Training': (),
    'FCN': SOURCE,
    'Target Finetuning': ('stages.*',),
    'FCN+GAN': objective('gan'),
    'FCN+0-1 Conf. Mask': ('model.objectives.mask.*',),
    'FCN+Focal Loss': ('model.objectives.focal.*',),
    'FCN+W^1': objective('weighting'),
    'PixelDA': objective('pixelda'),
    'Ours with W^1': (*objective('gan'), *objective('weighting')),
    'Ours with W^19': (*objective('gan'), *objective('weighting')),
    # at the paper's scale, see OTHERS
    'Hung et al.': (*SOURCE, *UNLABELED, *objective('semi')),
    'Swami et al.': (*ADAPTED, *objective('lsd')),
    ROAD: (*ADAPTED, 'model.objectives.distillation.*', *objective('spatial')),
    CONSERVATIVE: (*ADAPTED, 'model.objectives.conservative.*', *objective('gan')),
}
LEVELS = {
    'W^19, hierarchical': (),
    'W^19, single': ('model.objectives.weighting.levels.*',),
    'W^1, hierarchical': ('model.objectives.weighting.per_class',),
    'W^1, single': (
        'model.objectives.weighting.levels.*',
        'model.objectives.weighting.per_class',
    ),
    'FCN': (*SOURCE, *objective('gan'), *objective('weighting')),
}
SHARE = {'full': (), **dict.fromkeys(('1/8', '1/4', '1/2'), (f'{DOMAINS}.target.*',))}
ASS = {
    'GA': (),
    'GA+FCSA': objective('sa'),
    'GA+CSA': objective('sa'),
    'Oracle': (*SOURCE, *UNLABELED, *objective('ga')),
    'GA without labels': (
        *('model.objectives.ga.*', *AUXILIARY, BATCH, f'{SHARES}.target'),
        *('optim_wrapper.segmentor.optimizer.nesterov', 'model.norm_statistics'),
    ),
}
LAMBDA = dict.fromkeys(
    [f'λ = {value}' for value in ('1', '0.2', '0.1', '0.04', '0.01', '0.008', '0.001')],
    ('model.objectives.sa.weight',),
)
LOSS = ('model.objectives.regularization.loss.*',)
MAXSQUARE = {
    'MaxSquare': (),
    'MinEnt': LOSS,
    'MaxSquare+IW': LOSS,
    'MaxSquare+IW+multi': ('model.objectives.regularization.*', *AUXILIARY),
    'source only': (
        *('stages.*', 'model.objectives.regularization.*', BATCH, f'{SHARES}.unlabeled'),
        *('train_cfg.*', 'param_scheduler.*', 'optim_wrapper.segmentor.optimizer.lr'),
    ),
}
TEACHER = (*UNLABELED, 'model.objectives.teacher.*')
DACS = (*TEACHER, 'model.objectives.class_mix.*')
RECIPES = {
    'Target only': SOURCE,
    'Direct joint': (),
    'HRS': (*objective('gan'), *objective('weighting')),
    'GA+CSA': (*UNLABELED, *objective('ga'), *objective('sa')),
    'MaxSquare': (*UNLABELED, 'model.objectives.regularization.*'),
    'DACS-like': DACS,
    'FixMatch-like': (*TEACHER, 'model.objectives.consistency_mix.*'),
    'DDM-like': (f'{DOMAINS}.source.*', 'model.objectives.rectangle_mix.*'),
    'MIC-like': (
        *DACS,
        'model.objectives.masked_consistency.*',
        'model.objectives.feature_distance.*',
    ),
    'HRS + ClassMix': (*DACS, *objective('weighting')),
    'CSA + teacher': (*DACS, *objective('sa')),
    'Strong': (*DACS, 'model.objectives.consistency_mix.*'),
}
ALLOWED = {
    'bdl': {'BDL': ()},
    'recipes': RECIPES,
    **dict.fromkeys(('hrs1', 'hrs2', 'hrs3'), HRS),
    **{'hrs4': LEVELS, 'hrs5': SHARE, 'ass1': ASS, 'ass3': ASS, 'ass2a': LAMBDA, 'ass2b': LAMBDA},
    **{table.id: MAXSQUARE for table in TABLES if table.paper == 'MaxSquare'},
}
# keys that all rows of a table share, and the exceptions, with the reason
COMMON = (
    *('model.backbone', 'model.decode_head', 'model.data_preprocessor', 'model.test_cfg'),
    *('optim_wrapper.segmentor.optimizer', 'param_scheduler', 'train_cfg'),
    *('val_evaluator', 'test_evaluator', 'val_dataloader', 'test_dataloader'),
)
EXCEPTIONS = {
    'GA without labels': 'it is AdaptSegNet: SGD without Nesterov momentum, every domain moves the '
    'running averages',
    'source only': 'it is their first stage alone; on small images it is as long as both',
}
OTHERS = {
    (
        'hrs1',
        'Hung et al.',
    ): 'the paper quotes it with a ResNet-101: it stands on the Oracle of ASS',
    **{
        (table, 'Swami et al.'): 'its own schedule, and the original FCN8s, as its public code'
        for table in ('hrs1', 'hrs2')
    },
    **{
        ('hrs2', row): 'quoted without labels of the target: 16 and 13 classes'
        for row in (ROAD, CONSERVATIVE)
    },
}


def flat(node, prefix=''):
    """Map keys to values that a training reads; None counts as absent."""
    if isinstance(node, dict):
        items = node.items()
    elif isinstance(node, (list, tuple)):
        items = enumerate(node)
    else:
        return {} if node is None else {prefix: node}
    found = {}
    for key, value in items:
        if prefix or key in RUNS:
            found.update(flat(value, f'{prefix}.{key}' if prefix else key))
    return found


def differing(one, other):
    one, other = flat(dict(one)), flat(dict(other))
    return {key for key in one.keys() | other.keys() if one.get(key) != other.get(key)}


def matches(key, patterns):
    # "a.b.*" is a.b itself too: a class name of a dataset may stand where another has a wrapper
    return [p for p in patterns if fnmatchcase(key, p) or key == p.removesuffix('.*')]


def name_of(row, table):
    bare = table.paper == 'ASS' and row.labels() == 0
    return f'{row.name} without labels' if bare else row.name


def pairs(table, scale):
    rows = [row for row in table.at(scale) if row.path]
    if scale == 'paper':
        rows = [row for row in rows if (table.id, row.name) not in OTHERS]
    return list(combinations(rows, 2))


CASES = [
    *((table.id, 'paper') for table in TABLES if table.id != 'recipes'),
    *((key, 'camvid') for key in ('hrs1', 'ass1', 'maxsquare-gta5')),
    ('hrs1', 'streets'),
    *((key, 'cityscapes256') for key in ('hrs1', 'ass1', 'maxsquare-gta5', 'recipes')),
]


@pytest.mark.parametrize(('key', 'scale'), CASES)
def test_every_pair_differs_only_where_it_should(tables, key, scale):
    table, allowed = tables[key], ALLOWED[key]
    for one, other in pairs(table, scale):
        patterns = (*allowed[name_of(one, table)], *allowed[name_of(other, table)])
        found = differing(one.cfg, other.cfg)
        assert found, f'{one.stem} and {other.stem} are the same training'
        astray = sorted(key for key in found if not matches(key, patterns))
        assert not astray, f'{one.stem} and {other.stem} differ in {astray}'


def test_every_allowed_difference_exists(tables):
    used = set()
    for key, scale in CASES:
        for one, other in pairs(tables[key], scale):
            names = name_of(one, tables[key]), name_of(other, tables[key])
            found = differing(one.cfg, other.cfg)
            for name in names:
                patterns = ALLOWED[key][name]
                used.update((name, p) for found_key in found for p in matches(found_key, patterns))
    stated = {(n, p) for rows in ALLOWED.values() for n, patterns in rows.items() for p in patterns}
    assert not stated - used


def test_only_the_written_exceptions_touch_what_a_table_shares():
    for rows in ALLOWED.values():
        for name, patterns in rows.items():
            stems = [pattern.removesuffix('.*') for pattern in patterns]
            touched = [s for s in stems for c in COMMON if s.startswith(c) or c.startswith(s)]
            assert not touched or name in EXCEPTIONS, (name, touched)


@pytest.mark.parametrize(
    ('key', 'scale'),
    [('hrs1', 'paper'), ('hrs1', 'camvid'), ('hrs2', 'paper'), ('hrs3', 'paper')],
)
def test_the_stages_of_finetuning_are_joint_training_on_one_domain(tables, key, scale):
    rows = {row.name: row.cfg for row in tables[key].at(scale)}
    cfg = rows['Target Finetuning'].copy()
    cfg.work_dir = 'runs'
    stages = {stage.name: stage.cfg for stage in read_stages(cfg)}
    for name, other in (('source', 'target'), ('finetune', 'source')):
        found = differing(stages[name], rows['Direct Joint Training'])
        found -= {'experiment_name', 'visualizer.name'}
        assert found == {BATCH, f'{SHARES}.{other}'}
        shares = stages[name].train_dataloader.sampler.samples_per_domain
        assert shares[other] == 0
        assert stages[name].train_dataloader.batch_size == sum(shares.values())


@pytest.mark.parametrize('table', [t.id for t in TABLES if t.paper == 'MaxSquare' and t.base])
def test_adaptation_starts_from_the_source_only_row(tables, table):
    rows = {row.name: row.cfg for row in tables[table].at('paper')}
    for name in set(rows) - {'source only'}:
        cfg = rows[name].copy()
        cfg.work_dir = 'runs'
        first = read_stages(cfg)[0].cfg
        found = differing(first, rows['source only']) - {'experiment_name', 'visualizer.name'}
        assert not [key for key in found if not matches(key, AUXILIARY)], name


def test_hung_builds_on_the_oracle(tables):
    """The pairs with rows on VGG16 are left out above."""
    (hung,) = [row for row in tables['hrs1'].at('paper') if row.name == 'Hung et al.']
    (oracle,) = [row for row in tables['ass1'].at('paper') if row.name == 'Oracle']
    patterns = (*UNLABELED, *objective('semi'), f'{DOMAINS}.target.count')
    assert not [key for key in differing(hung.cfg, oracle.cfg) if not matches(key, patterns)]


def test_a_share_of_the_target_is_a_share_of_the_same_images(tables):
    *parts, whole = tables['hrs5'].at('paper')
    target = whole.cfg.train_dataloader.dataset.domains.target
    for row in parts:
        part = row.cfg.train_dataloader.dataset.domains.target
        assert dict(part.dataset) == dict(target)
        # of 2,975, rounded to the nearest
        assert row.labels() == int(2975 * part.fraction + 0.5)


def test_the_check_detects_a_difference(tables):
    """One number changed in one row is found."""
    rows = {row.name: row.cfg for row in tables['hrs1'].at('paper')}
    changed = rows['FCN+GAN'].copy()
    changed.merge_from_dict({'model.backbone.dropout_ratio': 0.4})
    changed.merge_from_dict({'train_dataloader.num_workers': 3, 'some_variable': 3})
    found = differing(changed, rows['Direct Joint Training'])
    astray = {key for key in found if not matches(key, HRS['FCN+GAN'])}
    assert astray == {'model.backbone.dropout_ratio', 'train_dataloader.num_workers'}
