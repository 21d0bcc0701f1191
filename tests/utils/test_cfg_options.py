from __future__ import annotations

import argparse

import pytest

from mmseg_joint.utils.cfg_options import add_config_flags


@pytest.fixture
def parse():
    parser = argparse.ArgumentParser()
    add_config_flags(parser)
    return lambda *texts: parser.parse_args(['--cfg-options', *texts]).cfg_options


@pytest.mark.parametrize(
    ('text', 'value'),
    [
        ('/data/my  city/images', '/data/my  city/images'),
        ('"/data/my city"', '/data/my city'),
        (' 4 ', 4),
        ('[1, 2]', [1, 2]),
        ('(1, .5)', (1, 0.5)),
        ('a, b', ['a', 'b']),
        ('[(a, b), c]', [('a', 'b'), 'c']),
        ('True', True),
        ('', ''),
    ],
)
def test_a_value_keeps_its_spaces(parse, text, value):
    assert parse(f'a.b={text}') == {'a.b': value}


@pytest.mark.parametrize(
    ('text', 'remedy'),
    [('a.b', 'write KEY=VALUE'), ('=1', 'write KEY=VALUE'), ('a.b=[1,2', 'close every bracket')],
)
def test_what_cannot_be_parsed_is_refused(parse, text, remedy, capsys):
    with pytest.raises(SystemExit):
        parse(text)
    assert f'--cfg-options {text}: {remedy}' in capsys.readouterr().err


@pytest.mark.parametrize('text', ['[/my city, /other]', 'my city,other', '(1 2)'])
def test_spaces_that_would_be_lost_are_refused(parse, text, capsys):
    with pytest.raises(SystemExit):
        parse(f'a.b={text}')
    assert f'a.b={text}: values in a list cannot have spaces' in capsys.readouterr().err
