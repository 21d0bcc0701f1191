"""The metafiles state every number of the papers' tables, typed here from the papers."""

from __future__ import annotations

import pytest

from tests.tables.project import TABLES

ALL = 2975  # labeled images of Cityscapes
SOME = (50, 100, 200, 500, 1000, ALL)

# table -> row -> labeled images -> mIoU in percent
NUMBERS: dict[str, dict[str, dict[int, float]]] = {
    'hrs1': {
        'Swami et al.': {0: 37.1},
        'Conservative Loss (after the abstract, details ours)': {0: 38.1},
        'ROAD (after the abstract, details ours)': {0: 35.9},
        'Hung et al.': {ALL: 67.7},
        'FCN': {ALL: 65.3},
        'Direct Joint Training': {ALL: 64.6},
        'Target Finetuning': {ALL: 66.0},
        'FCN+GAN': {ALL: 64.0},
        'FCN+0-1 Conf. Mask': {ALL: 63.7},
        'FCN+Focal Loss': {ALL: 66.2},
        'FCN+W^1': {ALL: 66.5},
        'PixelDA': {ALL: 66.1},
        'Ours with W^1': {ALL: 67.6},
        'Ours with W^19': {ALL: 68.1},
    },
    'hrs2': {
        'Swami et al.': {0: 34.8},
        'Conservative Loss (after the abstract, details ours)': {0: 34.2},
        'ROAD (after the abstract, details ours)': {0: 36.2},
        'FCN': {ALL: 65.3},
        'Direct Joint Training': {ALL: 62.9},
        'Target Finetuning': {ALL: 64.8},
        'FCN+GAN': {ALL: 62.6},
        'PixelDA': {ALL: 64.0},
        'Ours with W^1': {ALL: 66.3},
        'Ours with W^19': {ALL: 66.8},
    },
    'hrs3': {
        'FCN': {ALL: 65.3},
        'Direct Joint Training': {ALL: 64.2},
        'Target Finetuning': {ALL: 66.5},
        'FCN+GAN': {ALL: 64.9},
        'PixelDA': {ALL: 65.3},
        'Ours with W^1': {ALL: 68.2},
        'Ours with W^19': {ALL: 68.8},
    },
    'hrs4': {
        'FCN': {ALL: 65.3},
        'W^1, single': {ALL: 66.7},
        'W^1, hierarchical': {ALL: 67.6},
        'W^19, single': {ALL: 66.9},
        'W^19, hierarchical': {ALL: 68.1},
    },
    'hrs5': {
        '1/8': {372: 53.4},
        '1/4': {744: 57.7},
        '1/2': {1488: 64.9},
        'full': {ALL: 68.1},
    },
    'ass1': {
        'Oracle': dict(zip(SOME, (39.5, 43.6, 47.1, 53.6, 58.6, 65.9))),
        'GA': {0: 42.4, **dict(zip(SOME, (50.0, 53.5, 54.4, 56.5, 58.0, 59.71)))},
        'GA+FCSA': dict(zip(SOME, (50.2, 54.1, 56.4, 59.9, 63.8, 68.8))),
        'GA+CSA': dict(zip(SOME, (50.1, 54.2, 56.0, 60.2, 64.5, 69.1))),
    },
    'ass2a': {
        'λ = 1': {100: 54.11, 500: 59.76},
        'λ = 0.2': {100: 53.87, 500: 59.29},
        'λ = 0.04': {100: 53.68, 500: 59.89},
        'λ = 0.008': {100: 53.96, 500: 59.74},
    },
    'ass2b': {
        'λ = 1': {500: 59.76},
        'λ = 0.1': {500: 59.46},
        'λ = 0.01': {500: 60.16},
        'λ = 0.001': {500: 59.67},
    },
    'ass3': {
        'Oracle': dict(zip(SOME, (52.6, 57.6, 60.8, 66.5, 70.7, 73.8))),
        'GA': {0: 46.7, **dict(zip(SOME, (60.7, 62.1, 64.8, 69.1, 71.8, 75.0)))},
        'GA+CSA': dict(zip(SOME, (57.4, 58.3, 64.5, 69.8, 73.0, 77.1))),
    },
    'maxsquare-gta5': {
        'source only': {0: 36.9},
        'MinEnt': {0: 42.2},
        'MaxSquare': {0: 44.3},
        'MaxSquare+IW': {0: 45.2},
        'MaxSquare+IW+multi': {0: 46.4},
    },
    'maxsquare-synthia': {'MaxSquare+IW+multi': {0: 41.4}},
    'maxsquare-rome': {
        'source only': {0: 51.0},
        'MaxSquare': {0: 53.9},
        'MaxSquare+IW': {0: 54.5},
    },
    'maxsquare-rio': {
        'source only': {0: 48.9},
        'MaxSquare': {0: 52.0},
        'MaxSquare+IW': {0: 53.3},
    },
    'maxsquare-tokyo': {
        'source only': {0: 47.8},
        'MaxSquare': {0: 49.7},
        'MaxSquare+IW': {0: 50.5},
    },
    'maxsquare-taipei': {
        'source only': {0: 46.3},
        'MaxSquare': {0: 49.8},
        'MaxSquare+IW': {0: 50.6},
    },
    'bdl': {'BDL': {0: 48.5}},
}


def test_no_table_is_left_out():
    papers = [table.id for table in TABLES if table.id != 'recipes']  # no paper has that one
    assert papers == list(NUMBERS)


@pytest.mark.parametrize('table', NUMBERS)
def test_the_metafiles_state_the_numbers_of_the_paper(tables, table):
    stated: dict[str, dict[int, float]] = {}
    for row in tables[table].at('paper'):
        stated.setdefault(row.name, {}).update(row.miou)
    assert stated == NUMBERS[table]
