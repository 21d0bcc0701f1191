from __future__ import annotations

import itertools
import re

import pytest
from mmengine.config import Config

from mmseg_joint.errors import JointError
from mmseg_joint.tables.contents import TABLES
from mmseg_joint.tables.rows import choose_table, read_tables, rows_of
from tests.tiny_configs import ROOT

CONFIGS = sorted((ROOT / 'configs').glob('*.py'))
# what a row is called in the name of its config
WORDS = {
    'FCN': '',
    'Oracle': '',
    'Direct Joint Training': 'joint',
    'Target Finetuning': 'finetune',
    'FCN+GAN': 'gan',
    'FCN+0-1 Conf. Mask': 'mask',
    'FCN+Focal Loss': 'focal',
    'FCN+W^1': 'w1',
    'PixelDA': 'pixelda',
    'Hung et al.': 'hung',
    'Ours with W^1': 'hrs_w1',
    'Ours with W^19': 'hrs',
    'W^1, hierarchical': 'hrs_w1',
    'W^19, hierarchical': 'hrs',
    'W^1, single': 'hrs_w1_single',
    'W^19, single': 'hrs_single',
    '1/8': 'hrs_eighth',
    '1/4': 'hrs_quarter',
    '1/2': 'hrs_half',
    'full': 'hrs',
    'GA': 'ga',
    'GA+FCSA': 'ga_fcsa',
    'GA+CSA': 'ga_csa',
    'source only': 'source',
    'MinEnt': 'minent',
    'MaxSquare': 'maxsquare',
    'MaxSquare+IW': 'maxsquare_iw',
    'MaxSquare+IW+multi': 'maxsquare_iw_multi',
}
OBJECTIVES = {'ass2a': 'ga_fcsa', 'ass2b': 'ga_csa'}
DEFAULT = {'ass2a': 'λ = 0.04', 'ass2b': 'λ = 0.01'}
SOURCES = {
    'hrs1': 'gta_city', 'hrs2': 'synthia_city', 'hrs3': 'gta_synthia_city', 'hrs4': 'gta_city',
    'hrs5': 'gta_city', 'ass1': 'gta_city', 'ass2a': 'gta_city', 'ass2b': 'gta_city',
    'ass3': 'synthia_city', 'maxsquare-gta5': 'gta_city', 'maxsquare-synthia': 'synthia_city',
    'maxsquare-rome': 'city_rome', 'maxsquare-rio': 'city_rio', 'maxsquare-tokyo': 'city_tokyo',
    'maxsquare-taipei': 'city_taipei',
}  # fmt: skip


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_every_config_says_which_row_it_is_or_that_it_is_none(path):
    """In its own text: a row that a child inherits is its parent's."""
    assert re.search(r'^table_row = (None$|dict\(|\[$)', path.read_text(encoding='utf-8'), re.M)


def test_every_row_has_a_config_and_every_config_its_row(tables):
    stated = [row for table in tables.values() for row in table.rows if row.path]
    assert len({row.path for row in stated}) > 70
    for table in TABLES:
        ours = {row.name for row in tables[table.id].at('paper') if row.path}
        assert ours == set(table.rows) - set(table.quoted)
        for row in tables[table.id].at('paper'):
            assert row.miou, row
    joint = [row.name for row in tables['hrs1'].at('camvid')]
    assert joint == list(tables['hrs1'].contents.rows[3:])
    assert [row.name for row in tables['ass1'].at('camvid')] == [
        'Oracle',
        'GA',
        'GA+FCSA',
        'GA+CSA',
    ]


def test_a_number_of_each_paper(tables):
    def number(table, row, labels):
        found = [r.paper(labels) for r in tables[table].at('paper') if r.name == row]
        return next(value for value in found if value is not None)

    assert number('hrs1', 'Ours with W^19', 2975) == 68.1
    assert number('hrs5', '1/8', 372) == 53.4
    assert number('ass1', 'GA', 0) == 42.4
    assert number('ass1', 'GA', 2975) == 59.71
    assert number('ass2a', 'λ = 0.04', 100) == 53.68
    assert number('ass3', 'Oracle', 50) == 52.6
    assert number('maxsquare-rio', 'MaxSquare+IW', 0) == 53.3


def test_basenames_tell_the_row(tables):
    for table in tables.values():
        for row in table.rows:
            if row.path is None:
                continue
            name, key = row.name, table.contents.id
            if name.startswith('λ'):
                value = '' if name == DEFAULT[key] else '_lambda' + name[4:].replace('.', 'p')
                word = OBJECTIVES[key] + value
            elif name == 'GA' and row.labels() == 0:
                word = 'adaptsegnet_multi'
            else:
                word = WORDS[name]
            alone = name in ('FCN', 'Oracle', 'Hung et al.')
            ends = {'paper': 'city' if alone else SOURCES[key]}
            ends['camvid'] = 'camvid' if alone else 'streets_camvid'
            ends['streets'] = 'streets'
            pattern = rf'{word}{"_" if word else ""}(fcn8s|deeplabv2|squeezenet)_{ends[row.scale]}'
            extra = '_13' if (key, name) == ('ass3', 'Oracle') else ''
            assert re.fullmatch(pattern + extra, row.stem), (key, row)


def test_the_labels_of_a_row(tables):
    rows = {row.stem: row for table in tables.values() for row in table.rows if row.path}
    known = {
        'fcn8s_city': (2975, False),  # all, of which the paper says how many
        'hrs_eighth_fcn8s_gta_city': (372, False),  # a share of them
        'deeplabv2_city': (500, True),
        'adaptsegnet_multi_deeplabv2_gta_city': (0, False),  # its share of the batch is 0
        'maxsquare_deeplabv2_gta_city': (0, False),  # there is no such domain
        'joint_squeezenet_streets_camvid': (12, True),
        'finetune_squeezenet_streets_camvid': (12, True),
        'joint_fcn8s_streets': (None, False),
    }
    assert {stem: (rows[stem].labels(), rows[stem].is_free) for stem in known} == known


ROW = dict(paper='HRS', table='1', row='FCN', miou=[(2975, 65.3)])


def write(folder, name, table_row):
    shares = dict(sampler=dict(shares=dict(target=1)), dataset=dict(domains=dict(target=dict())))
    text = f'train_dataloader = {shares!r}\ntable_row = {table_row!r}\n'
    (folder / f'{name}.py').write_text(text)


def test_one_row_several_or_none(tmp_path):
    write(tmp_path, 'one', ROW)
    write(tmp_path, 'several', [{**ROW, 'table': '2'}, {**ROW, 'table': '4'}])
    write(tmp_path, 'none', None)
    (tmp_path / 'silent.py').write_text('model = dict()\n')
    found = {table.contents.id: [row.stem for row in table.rows if row.path]
             for table in read_tables(tmp_path)}  # fmt: skip
    assert {key: stems for key, stems in found.items() if stems} == {
        'hrs1': ['one'],
        'hrs2': ['several'],
        'hrs4': ['several'],
    }


@pytest.mark.parametrize(
    ('changes', 'sentence'),
    [
        (dict(table='9'), r"names table \('HRS', '9'\)"),
        (dict(row='FNC'), r'names the row "FNC": choose from .*FCN'),
        (dict(row='Swami et al.', rows=1), 'has the key "rows"'),
        (dict(scale='city'), 'scale "city"'),
        (dict(miou=[]), r"give the paper's numbers"),
        (dict(scale='camvid'), r"at the scale 'paper', and only there"),
        (dict(miou=[2975, 65.3]), 'give pairs'),
        (dict(miou=[(2975, 653)]), r'\(2975, 653\) in miou'),
        (dict(miou=[(2975, 65.3), (2975, 65.4)]), 'twice in miou'),
    ],
)
def test_a_wrong_row_is_refused(changes, sentence):
    cfg = Config(dict(table_row={**ROW, **changes}))
    with pytest.raises(JointError, match=sentence) as error:
        rows_of(cfg, ROOT / 'configs/some.py')
    assert 'configs/some.py' in str(error.value)
    assert error.value.args[0].count('\n') == 0


def test_two_configs_of_one_row_are_refused(tmp_path):
    write(tmp_path, 'one', {**ROW, 'miou': [(0, 1.0), (5, 2.0)]})
    write(tmp_path, 'other', {**ROW, 'miou': [(7, 2.0)]})
    read_tables(tmp_path)
    write(tmp_path, 'third', {**ROW, 'miou': [(5, 2.0), (9, 3.0)]})
    with pytest.raises(JointError, match=r'third\.py and .*one\.py state the same'):
        read_tables(tmp_path)


def test_ids_are_unique_and_found(tables):
    ids = [table.id for table in TABLES]
    assert len(ids) == len(set(ids))
    assert choose_table(list(tables.values()), 'HRS1').contents.number == '1'
    with pytest.raises(JointError, match='no table "hrs9": choose from hrs1, hrs2'):
        choose_table(list(tables.values()), 'hrs9')
    for one, other in itertools.combinations(TABLES, 2):
        assert (one.paper, one.number) != (other.paper, other.number)
