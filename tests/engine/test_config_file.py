from __future__ import annotations

import re

import pytest

from mmseg_joint.engine.config_file import read_config
from mmseg_joint.errors import JointError


@pytest.fixture
def config(tmp_path):
    """Write a config, and perhaps its base."""

    def write(text: str, base: str | None = None) -> str:
        if base is not None:
            (tmp_path / 'base.py').write_text(base)
            text = f"_base_ = './base.py'\n{text}"
        (tmp_path / 'config.py').write_text(text)
        return str(tmp_path / 'config.py')

    return write


def test_options_replace_values_and_may_add_some(config):
    path = config('', base='model = dict(a=1, b=[dict(c=2)], d=None)\nlr = 3')
    options = {'model.a': 5, 'model.b.0.c': 6, 'model.new.deep': 7, 'resume': True, 'lr': 8}
    cfg = read_config(path, options)
    assert cfg.model == dict(a=5, b=[dict(c=6)], d=None, new=dict(deep=7))
    assert (cfg.resume, cfg.lr) == (True, 8)


@pytest.mark.parametrize(
    ('key', 'message'),
    [
        ('modle.a', 'has no modle; did you mean model?'),
        ('nonsense', 'has no nonsense; choose from model.'),
        ('model.a.x', 'model.a is 1 in .* and holds no x'),
        ('model.d.x', 'model.d is None in .* and holds no x'),
        ('model.b.1.c', 'model.b is a list of 1, counted from 0, and has no 1'),
        ('model.b.c', 'model.b is a list of 1, counted from 0, and has no c'),
    ],
)
def test_an_option_without_a_place(config, key, message):
    path = config('model = dict(a=1, b=[dict(c=2)], d=None)')
    with pytest.raises(JointError, match=f'--cfg-options {re.escape(key)}: .*{message}'):
        read_config(path, {key: 1})


@pytest.mark.parametrize(
    ('text', 'base', 'message'),
    [
        ('a = 1\nb = (', None, r'config\.py, line 2, cannot be read \(SyntaxError'),
        ('', 'a = 1\n\nb = (', r'base\.py, line 3, cannot be read \(SyntaxError'),
        ('', 'a = 1 / 0', r'base\.py, line 1, cannot be read \(ZeroDivisionError: division'),
        ('a = 1\nb = _base_.gone', '', r'config\.py, line 3, cannot be read \(AttributeError'),
        ("open('gone.txt')", None, r'config\.py, line 1, .*FileNotFoundError.*gone\.txt'),
        ("_base_ = './gone.py'", None, r'config\.py names the base .*gone\.py, which is not there'),
        ("custom_imports = dict(imports='gone')", None, 'custom_imports in .*config.py .*gone'),
    ],
)
def test_the_file_and_the_line_of_a_mistake(config, text, base, message):
    with pytest.raises(JointError, match=message):
        read_config(config(text, base))


@pytest.mark.parametrize(
    ('name', 'content', 'message'),
    [
        ('a.json', b'{"a": ', r'a\.json cannot be read \(JSONDecodeError'),
        ('a.yaml', b'a: [1', r'a\.yaml cannot be read \(ParserError'),
        ('a.py', b'\xff\xfe', r'a\.py cannot be read \(UnicodeDecodeError'),
        ('a.txt', b'', r'a\.txt is not named like one: end it in \.py'),
    ],
)
def test_other_files(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(JointError, match=message):
        read_config(str(tmp_path / name))
