from mmengine.config import ConfigDict

from mmseg_joint.utils.walk import dicts_in


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
