"""Metafiles: which config runs which row, in the format that mmseg's tools read."""

from __future__ import annotations

import json
import re
from pathlib import Path

import mmseg
import pytest
import yaml

from mmseg_joint.errors import JointError
from mmseg_joint.tables.metafiles import read_metafiles, read_tables
from tests.tables.project import INDEX
from tests.tiny_configs import ROOT

FILES = read_metafiles(INDEX)
MODELS = [model for file in FILES for model in file.models]
CONFIGS = sorted((ROOT / 'configs').glob('*.py'))


def results_of(model):
    stated = model.get('Results', [])
    return stated if isinstance(stated, list) else [stated]


def test_every_metafile_is_imported_once():
    paths = sorted((ROOT / 'configs/metafile').iterdir())
    assert sorted(file.path for file in FILES) == paths


def test_every_config_is_a_model_once():
    """A config that runs no row is a model without results."""
    assert sorted(model['Config'] for model in MODELS) == [f'configs/{p.name}' for p in CONFIGS]
    assert [m['Name'] for m in MODELS] == [Path(m['Config']).stem for m in MODELS]


def test_no_config_repeats_its_metafile():
    said = [path.name for path in CONFIGS if 'table_row' in path.read_text(encoding='utf-8')]
    assert not said


def test_the_format_is_that_of_mmseg():
    """All fields common to mmseg's metafiles are present, except weights, which do not exist."""
    installed = Path(mmseg.__file__).parent / '.mim'
    if not (installed / 'model-index.yml').exists():
        pytest.skip('this mmseg was installed without its configs')
    theirs = []
    for name in yaml.safe_load((installed / 'model-index.yml').read_text())['Import'][:9]:
        theirs += yaml.safe_load((installed / name).read_text()).get('Models') or []
    always = set.intersection(*(set(model) for model in theirs))
    needed = always & {'Name', 'In Collection', 'Config'}
    assert needed == {'Name', 'In Collection', 'Config'}
    assert not [model['Name'] for model in MODELS if not needed <= set(model)]
    fields = set.intersection(*(set(r) for m in theirs for r in results_of(m)))
    assert fields == {'Task', 'Dataset', 'Metrics'}
    for model in MODELS:
        for result in results_of(model):
            assert fields <= set(result), model['Name']
            assert result['Task'] == 'Semantic Segmentation'


def test_every_model_belongs_to_a_collection_of_its_file():
    for file in FILES:
        names = {collection['Name'] for collection in file.collections}
        assert {model['In Collection'] for model in file.models} == names
        for collection in file.collections:
            assert (ROOT / collection['README']).is_file()
            assert collection.get('Paper', {}).get('URL', 'https://').startswith('https://')


def test_recorded_numbers_match_the_docs():
    """Every row of the pages' tables whose runs are the configs' own."""
    pages = [ROOT / f'docs/{name}.md' for name in ('camvid', 'cityscapes256', 'quoted_systems')]
    text = '\n'.join(page.read_text(encoding='utf-8') for page in pages)
    line = (
        r'^\| ([^|]+) \| (\d+) \| ([\d.]+)(?: ± ([\d.]+))? \|.* (\d) \| '
        r'(?:600[ +\d]*|2400|1600 \+ 800) \| `(\w+)` \|$'
    )
    message = {(m[6], m[1], m[2], m[3], m[4], m[5]) for m in re.finditer(line, text, re.M)}
    recorded = {
        (
            *(model['Name'], result['Row'], str(result['Labels'])),
            str(result['Metrics']['mIoU']),
            str(result['Metrics']['mIoU(std)']) if result['Seeds'] > 1 else None,
            str(result['Seeds']),
        )
        for model in MODELS
        for result in results_of(model)
        if 'mIoU' in result['Metrics']
    }
    assert recorded == message
    assert len(message) == 56


ROW = dict(Table='t1', Row='FCN', Labels=2975, Metrics={'mIoU(paper)': 65.3})
TABLES = dict(
    t1=dict(Number=1, Title='A → B', Rows=['Old', 'FCN'], Base='FCN', Quoted={'Old': 37.1}),
    t2=dict(Title='A → C', Rows=['FCN']),
)


def write(folder, models, tables=TABLES):
    """Write an index with one metafile of some models: name -> results."""
    content = dict(
        Collections=[dict(Name='P', Tables=tables)],
        Models=[
            dict(Name=name, Config=f'{name}.py', Results=results)
            for name, results in models.items()
        ],
    )
    for name in models:
        (folder / f'{name}.py').write_text('model = dict()')
    (folder / 'p.yaml').write_text(yaml.safe_dump(content))
    index = folder / 'model-index.yml'
    index.write_text('Import: [p.yaml]')
    return index


def test_one_row_several_or_none(tmp_path):
    small = {**ROW, 'Scale': 'camvid', 'Metrics': {'mIoU': 48.5}, 'Seeds': 2}
    small = [{**small, 'Labels': 6}, {**small, 'Labels': 12}]
    large = {**ROW, 'Table': 't2'}
    large = [large, {**large, 'Labels': 50, 'Metrics': {'mIoU(paper)': 40.5}}]
    models = dict(one=ROW, several=[*large, *small], none=[])
    first, second = read_tables(write(tmp_path, models))
    assert [(row.name, row.stem, row.scale) for row in first.rows] == [
        ('Old', '', 'paper'),
        ('FCN', 'one', 'paper'),
        ('FCN', 'several', 'camvid'),
    ]
    assert [(row.stem, row.miou) for row in second.rows] == [
        ('several', ((50, 40.5), (2975, 65.3)))  # by rising number of labels
    ]
    assert (first.quoted, first.base, first.names) == ({'Old'}, 'FCN', ('Old', 'FCN'))
    assert [row.miou for row in first.rows] == [((0, 37.1),), ((2975, 65.3),), ()]
    assert first.rows[-1].measured == ('48.5 (6 labels, 2 seeds)', '48.5 (12 labels, 2 seeds)')
    assert (first.heading('paper'), second.heading('paper')) == ('P, Table 1: A → B', 'P: A → C')
    assert second.heading('camvid') == 'P, A → C: its rows on rendered streets → CamVid'


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(Table='t9'), 'names the table "t9": choose from t1, t2'),
        (dict(Table=['t1']), r'names the table .*: choose from t1, t2'),
        (dict(Row='FNC'), 'names the row "FNC" of t1: choose from Old, FCN'),
        (dict(Rows=1), 'has the key "Rows" .*choose from Table, Row'),
        (dict(Scale='city'), 'scale "city": choose from paper, camvid'),
        (dict(Metrics={}), "give .*the paper's number"),
        (dict(Metrics=65.3), 'has the Metrics 65.3'),
        (dict(Scale='camvid'), "at the scale 'paper', and only there"),
        (dict(Metrics={'mIoU(paper)': 65.3, 'IoU': 1.0}), 'has the metric "IoU"'),
        (dict(Labels=None), 'has Labels=None .*give their number'),
        (dict(Labels='2975'), 'has Labels=2975 .*give their number'),
        (dict(Metrics={'mIoU(paper)': 653}), r'has mIoU\(paper\)=653 .*give a percentage'),
        (dict(Metrics={'mIoU(paper)': '65.3'}), 'give a percentage'),
        (dict(Metrics={'mIoU(paper)': 0}), 'give a percentage'),
        (dict(Metrics={'mIoU(paper)': 65.3, 'mIoU': 64.0}), 'has Seeds=None'),
    ],
)
def test_a_wrong_row_is_refused(tmp_path, changes, message):
    index = write(tmp_path, dict(one={**ROW, **changes}))
    with pytest.raises(JointError, match=message) as error:
        read_tables(index)
    assert str(tmp_path / 'p.yaml') in str(error.value)
    assert error.value.args[0].count('\n') == 0


def test_as_many_labels_twice_are_refused(tmp_path):
    twice = [ROW, {**ROW, 'Metrics': {'mIoU(paper)': 65.4}}]
    with pytest.raises(JointError, match='row "FCN" of t1 twice with as many labels: keep one'):
        read_tables(write(tmp_path, dict(one=twice)))
    with pytest.raises(JointError, match="has the result 't1': give Table"):
        read_tables(write(tmp_path, dict(one='t1')))


def test_two_configs_of_one_row_are_refused(tmp_path):
    models = dict(one=[{**ROW, 'Labels': 0}, {**ROW, 'Labels': 5}], other={**ROW, 'Labels': 7})
    read_tables(write(tmp_path, models))
    small = {**ROW, 'Scale': 'camvid', 'Metrics': {'mIoU': 48.5}, 'Seeds': 2}
    models['small'] = {**small, 'Labels': 6}
    third = [{**ROW, 'Labels': 5}, {**ROW, 'Labels': 9}]
    for other, again in (('one', third), ('small', {**small, 'Labels': 12})):
        models['third'] = again
        found = rf'third\.py and .*{other}\.py for the same row .*: keep one'
        with pytest.raises(JointError, match=found):
            read_tables(write(tmp_path, models))


@pytest.mark.parametrize(
    ('table', 'message'),
    [
        (dict(Title='A'), 'lacks information on table t3: give its Title and its Rows'),
        (dict(Rows=['FCN']), 'lacks information on table t3'),
        (dict(Title='A', Rows=['FCN'], Base='F'), 'names the row "F" of table t3: choose from FCN'),
        (dict(Title='A', Rows=['FCN'], Quoted={'F': 1.0}), 'names the row "F" of table t3'),
    ],
)
def test_a_wrong_table_is_refused(tmp_path, table, message):
    with pytest.raises(JointError, match=message):
        read_tables(write(tmp_path, {}, dict(t3=table)))


def test_a_table_that_is_stated_twice_is_refused(tmp_path):
    index = write(tmp_path, {})
    path = tmp_path / 'p.yaml'
    content = yaml.safe_load(path.read_text())
    content['Collections'] *= 2
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(JointError, match=r'p\.yaml states the table "t1" again'):
        read_tables(index)


def test_files_that_are_not_metafiles_are_refused(tmp_path):
    index = write(tmp_path, dict(one=ROW))
    (tmp_path / 'one.py').unlink()
    with pytest.raises(JointError, match=r"p\.yaml names the config 'one\.py', which is no file"):
        read_tables(index)
    for text, message in {
        'Models: [}': r'p\.yaml, line 1, is no YAML: correct it',
        'Models: []': r'p\.yaml has no list "Collections": add one',
        json.dumps([1]): r'p\.yaml has no list "Collections"',
    }.items():
        (tmp_path / 'p.yaml').write_text(text)
        with pytest.raises(JointError, match=message):
            read_tables(index)
    (tmp_path / 'p.yaml').unlink()
    with pytest.raises(JointError, match=r'no .*p\.yaml: correct the path'):
        read_tables(index)
    with pytest.raises(JointError, match=r'no .*gone: correct the path'):
        read_tables(tmp_path / 'gone')
