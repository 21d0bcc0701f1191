import pytest
from mmengine.config import Config, ConfigDict
from mmseg.models.decode_heads import FCNHead
from mmseg.registry import MODELS

from mmseg_joint.utils.walk import class_of, datasets_in, dicts_in, value_of


def test_dicts_are_listed_by_their_keys_outer_ones_first():
    inner = {'type': 'BN'}
    node = ConfigDict(a=[dict(b=inner), 3], c=(dict(d=1),), e='text')
    found = dict(dicts_in(node, 'model'))
    assert list(found) == ['model', 'model.a.0', 'model.a.0.b', 'model.c.0']
    assert found['model.a.0.b'] == inner
    found['model.a.0.b']['type'] = 'SyncBN'
    assert node.a[0].b.type == 'SyncBN'  # they are the config's own


def test_without_a_key_of_its_own():
    assert [key for key, _ in dicts_in([{}, {'a': {}}])] == ['0', '1', '1.a']
    assert list(dicts_in('text', 'key')) == []


@pytest.mark.parametrize(
    ('key', 'value'),
    [
        ('a.b', 1),
        ('c.0.d', 2),
        ('c.1.d', None),
        ('c.x', None),
        ('a.b.e', None),
        ('gone', None),
        ('none.d', None),
    ],
)
def test_a_value_is_read_or_none(key, value):
    content = dict(a=dict(b=1), c=[dict(d=2)], none=None)
    assert value_of(content, key) == value
    assert value_of(Config(content), key) == value


@pytest.mark.parametrize(
    'kind', ['FCNHead', 'mmseg.FCNHead', 'mmseg.models.decode_heads.FCNHead', FCNHead]
)
def test_the_class_that_a_config_names(kind):
    assert class_of(kind, MODELS) is class_of(dict(type=kind), MODELS) is FCNHead


@pytest.mark.parametrize(
    'kind', [None, 3, {}, 'NoHead', 'no_module.Head', 'mmseg.models.NoHead', 'broken_module.Head']
)
def test_what_names_no_class(kind, tmp_path, monkeypatch):
    (tmp_path / 'broken_module.py').write_text('1 / 0')
    monkeypatch.syspath_prepend(tmp_path)
    assert class_of(kind, MODELS) is None


def test_datasets_are_listed_with_what_is_around_them():
    a, b, c = (dict(type=name, pipeline=[dict(type='Load')]) for name in 'ABC')
    subset = dict(type='LabelSubset', dataset=a)
    mixed = dict(type='MixedDataset', datasets=[b, c])
    joint = dict(type='JointDataset', domains=dict(target=subset, source=[mixed, a]))
    found = [[key for key, _ in places] for places in datasets_in(joint, 'd')]
    assert found == [
        ['d', 'd.domains.target', 'd.domains.target.dataset'],
        ['d', 'd.domains.source.0', 'd.domains.source.0.datasets.0'],
        ['d', 'd.domains.source.0', 'd.domains.source.0.datasets.1'],
        ['d', 'd.domains.source.1'],
    ]
    assert [places[-1][1]['type'] for places in datasets_in(joint, 'd')] == ['A', 'B', 'C', 'A']
    empty = dict(type='LabelSubset', dataset=dict())  # to be filled in on the command line
    assert [places[-1] for places in datasets_in(empty, 'd')] == [('d.dataset', {})]
    assert list(datasets_in(None, 'd')) == list(datasets_in('text', 'd')) == []
