from __future__ import annotations

import ast

import pytest

from tests.tiny_configs import ROOT

UTILS = sorted((ROOT / 'mmseg_joint/utils').glob('*.py'))
GROUND = ('mmseg_joint.errors', 'mmseg_joint.utils')


@pytest.mark.parametrize('path', UTILS, ids=lambda path: path.stem)
def test_utils_import_nothing_of_ours_above_them(path):
    own = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level < 2
            own.add(node.module or '')
        elif isinstance(node, ast.Import):
            own.update(name.name for name in node.names)
    above = {name for name in own if name.startswith('mmseg_joint') and not name.startswith(GROUND)}
    assert not above
