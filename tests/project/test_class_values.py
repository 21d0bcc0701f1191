"""The files that say which colors or ids stand for each class."""

from __future__ import annotations

import pytest

from mmseg_joint.errors import JointError
from mmseg_joint.project.class_values import read_class_values

CLASSES = ('road', 'traffic sign', 'void')


@pytest.fixture
def read(tmp_path):
    def of(text, kind):
        (tmp_path / 'values.txt').write_text(text)
        return read_class_values(tmp_path / 'values.txt', CLASSES, kind)

    return of


def test_a_class_may_have_several_values_in_any_order_and_notation(read):
    text = '# mine\n"traffic sign", 220,220,0\n\nroad: 1 2 3 # gray\nvoid;4;5;6\nroad 7 8 9\n'
    ignored = 'Ignore 0 0 0\nunlabeled 1 1 1'
    colors = [[[1, 2, 3], [7, 8, 9]], [[220, 220, 0]], [[4, 5, 6]]]
    assert read(text + ignored, 'color') == (colors, [[0, 0, 0], [1, 1, 1]])
    assert read('void 3\nroad 7\ntraffic sign 20\nroad 8', 'id') == ([[7, 8], [20], [3]], [])


def test_a_class_without_a_value_is_named(read):
    sentence = (
        'has no id of traffic sign, void: add a line for each, with any unused id for a class that'
    )
    with pytest.raises(JointError, match=sentence):
        read('road 7\nignored 0', 'id')


def test_a_name_that_is_like_none_has_another_hint(read):
    with pytest.raises(JointError, match=r'the class moon, .*: correct it, or write ignore'):
        read('moon 7', 'id')
