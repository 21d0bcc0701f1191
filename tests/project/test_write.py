"""Which images of a project are held out, and which are listed."""

from __future__ import annotations

import pytest

from mmseg_joint.errors import JointError
from mmseg_joint.project.write import write_project
from tests.project.files import found


@pytest.fixture
def project(tmp_path):
    """Write a project; return how many images are left for training, and its lists."""
    (tmp_path / 'base.py').write_text(
        "model = dict(type='EncoderDecoder', decode_head=dict(type='FCNHead'))"
    )

    def of(target, source=None):
        domains = {'source': source or {'train': found()}, 'target': target}
        base, out = str(tmp_path / 'base.py'), tmp_path / 'out'
        _, left = write_project(out, base, ('soil', 'crop'), domains, None, {})
        return left, {path.name: path.read_text().split() for path in out.glob('*.txt')}

    return of


@pytest.mark.parametrize(
    ('names', 'train', 'val'),
    [('ab', 'a', 'b'), ('abcd', 'abc', 'd'), ('abcdefghijk', 'abcdfghik', 'ej')],
)
def test_every_fifth_image_is_held_out_or_else_the_last(project, names, train, val):
    lists = {'train.txt': [*train], 'val.txt': [*val]}
    assert project({'train': found(names)}) == (len(train), lists)


def test_a_single_image_cannot_be_trained_on_and_validated(project):
    with pytest.raises(JointError, match='/data has one labeled image: give at least two'):
        project({'train': found('a')})


def test_splits_with_other_images_in_their_folder_are_listed_where_they_are_used(project):
    target = {'train': found('abc'), 'val': found('de', listed=True)}
    source = {'train': found('fg', listed=True), 'val': found('h', listed=True)}
    lists = {'val.txt': ['d', 'e'], 'source_train.txt': ['f', 'g']}
    assert project(target, source) == (3, lists)
