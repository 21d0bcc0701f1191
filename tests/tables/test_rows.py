from __future__ import annotations

import itertools
import re

import pytest

from mmseg_joint.errors import JointError
from mmseg_joint.tables.rows import choose_table
from tests.tables.project import TABLES

# the part of a config's name that identifies the row
WORDS = {
    'Swami et al.': 'lsd',
    'BDL': 'bdl_pseudo',
    'ROAD (after the abstract, details ours)': 'road',
    'Conservative Loss (after the abstract, details ours)': 'conservative',
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
    'Target only': '',
    'Direct joint': 'joint',
    'HRS': 'hrs',
    'DACS-like': 'dacs',
    'FixMatch-like': 'fixmatch',
    'DDM-like': 'ddm',
    'MIC-like': 'mic',
    'HRS + ClassMix': 'hrs_class_mix',
    'CSA + teacher': 'csa_teacher',
    'Strong': 'strong',
}
OBJECTIVES = {'ass2a': 'ga_fcsa', 'ass2b': 'ga_csa'}
DEFAULT = {'ass2a': 'λ = 0.04', 'ass2b': 'λ = 0.01'}
SOURCES = {
    'hrs1': 'gta_city', 'hrs2': 'synthia_city', 'hrs3': 'gta_synthia_city', 'hrs4': 'gta_city',
    'hrs5': 'gta_city', 'ass1': 'gta_city', 'ass2a': 'gta_city', 'ass2b': 'gta_city',
    'ass3': 'synthia_city', 'maxsquare-gta5': 'gta_city', 'maxsquare-synthia': 'synthia_city',
    'maxsquare-rome': 'city_rome', 'maxsquare-rio': 'city_rio', 'maxsquare-tokyo': 'city_tokyo',
    'maxsquare-taipei': 'city_taipei', 'bdl': 'gta_city',
}  # fmt: skip


def test_every_row_has_a_config(tables):
    stated = [row for table in tables.values() for row in table.rows if row.path]
    assert len({row.path for row in stated}) > 70
    for table in TABLES:
        if table.id == 'recipes':  # ours, and three of its rows on CamVid too
            recipes = tables['recipes']
            assert [row.name for row in recipes.at('cityscapes256')] == list(table.names)
            few = ['Target only', 'Direct joint', 'Strong']
            assert [row.name for row in recipes.at('camvid')] == few
            assert {row.scale for row in recipes.rows} == {'cityscapes256', 'camvid'}
            continue
        ours = {row.name for row in tables[table.id].at('paper') if row.path}
        assert ours == set(table.names) and not table.quoted
        for row in tables[table.id].at('paper'):
            assert row.miou, row
    joint = [row.name for row in tables['hrs1'].at('camvid')]
    assert joint == list(tables['hrs1'].names)
    assert [row.name for row in tables['ass1'].at('camvid')] == [
        'Oracle',
        'GA',
        'GA+FCSA',
        'GA+CSA',
    ]


def test_basenames_identify_the_row(tables):
    for table in tables.values():
        for row in table.rows:
            if row.path is None:
                continue
            name, key = row.name, table.id
            if name.startswith('λ'):
                value = '' if name == DEFAULT[key] else '_lambda' + name[4:].replace('.', 'p')
                word = OBJECTIVES[key] + value
            elif name == 'GA' and row.labels() == 0:
                word = 'adaptsegnet_multi'
            else:
                word = WORDS[name]
            alone = name in ('FCN', 'Oracle', 'Hung et al.', 'Target only')
            ends = {'paper': 'city' if alone else SOURCES.get(key)}
            ends['camvid'] = 'camvid' if alone else 'streets_camvid'
            ends['streets'] = 'streets'
            ends['cityscapes256'] = 'cityscapes256' if alone else 'streets_cityscapes256'
            networks = 'fcn8s|deeplabv2|squeezenet|efficientnet_lite0'
            pattern = rf'{word}{"_" if word else ""}({networks})_{ends[row.scale]}'
            extra = '_13' if (key, name) == ('ass3', 'Oracle') else ''
            if row.scale == 'cityscapes256' and key == 'maxsquare-gta5' and name != 'source only':
                extra = '_unsupervised'  # the plain name is the row with 50 labels
            assert re.fullmatch(pattern + extra, row.stem), (key, row)


def test_the_labels_of_a_row(tables):
    rows = {row.stem: row for table in tables.values() for row in table.rows if row.path}
    known = {
        'fcn8s_city': (2975, False),  # all images; the paper says how many
        'hrs_eighth_fcn8s_gta_city': (372, False),  # a share of them
        'deeplabv2_city': (500, True),
        'adaptsegnet_multi_deeplabv2_gta_city': (0, False),  # its share of the batch is 0
        'maxsquare_deeplabv2_gta_city': (0, False),  # there is no such domain
        'joint_squeezenet_streets_camvid': (12, True),
        'finetune_squeezenet_streets_camvid': (12, True),
        'joint_fcn8s_streets': (None, False),
    }
    assert {stem: (rows[stem].labels(), rows[stem].is_free) for stem in known} == known


def test_ids_are_unique_and_found(tables):
    ids = [table.id for table in TABLES]
    assert len(ids) == len(set(ids))
    assert choose_table(list(tables.values()), 'HRS1').number == '1'
    with pytest.raises(JointError, match='no table "hrs9": choose from hrs1, hrs2'):
        choose_table(list(tables.values()), 'hrs9')
    for one, other in itertools.combinations(TABLES, 2):
        assert one.heading('paper') != other.heading('paper')
