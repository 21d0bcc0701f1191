"""Versions that are written down in two places agree."""

from __future__ import annotations

import re

import pytest
import yaml

from mmseg_joint import stack
from tests.tiny_configs import ROOT


def pins(file: str) -> dict[str, str]:
    text = (ROOT / 'requirements' / file).read_text(encoding='utf-8')
    return dict(re.findall(r'^([\w-]+)==([\w.]+)', text, re.M))


@pytest.mark.parametrize(
    ('file', 'line'),
    [
        ('tested.txt', ('onedl-mmengine', 'onedl-mmcv', 'onedl-mmsegmentation')),
        ('tested_timm.txt', ('onedl-mmengine', 'onedl-mmcv', 'onedl-mmsegmentation')),
        ('tested_upstream.txt', ('mmengine', 'mmcv', 'mmsegmentation')),
    ],
)
def test_the_import_warns_above_the_versions_that_are_pinned(file, line):
    tested = {name: number for known in stack.TESTED.values() for name, number in known.items()}
    assert {name: pins(file).get(name) for name in line} == {name: tested[name] for name in line}


def test_both_lines_and_the_hook_lint_alike():
    linters = [{name: pins(file)[name] for name in ('ruff', 'mypy')}
               for file in ('tested.txt', 'tested_upstream.txt', 'tested_timm.txt')]  # fmt: skip
    assert linters[0] == linters[1] == linters[2]
    hooks = yaml.safe_load((ROOT / '.pre-commit-config.yaml').read_text(encoding='utf-8'))['repos']
    (ruff,) = (repo for repo in hooks if 'ruff' in repo['repo'])
    assert ruff['rev'] == f'v{linters[0]["ruff"]}'
