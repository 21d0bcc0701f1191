"""The list of configs for users matches the metafiles."""

from __future__ import annotations

import re

from mmseg_joint.tables.readme import write_readme
from tests.tables.project import INDEX
from tests.tables.test_metafiles import CONFIGS, MODELS
from tests.tiny_configs import ROOT

TEXT = (ROOT / 'configs/README.md').read_text(encoding='utf-8')


def test_it_is_up_to_date():
    assert write_readme(INDEX) == TEXT, 'run: python tools/tables.py --write-readme'


def test_it_links_every_config_and_only_existing_files():
    links = [link for link in re.findall(r'\]\(([^)]+)\)', TEXT) if '://' not in link]
    assert not [link for link in links if not (ROOT / 'configs' / link).exists()]
    assert {link for link in links if link.endswith('.py')} == {path.name for path in CONFIGS}


def test_rows_show_the_papers_number_and_ours():
    (line,) = [line for line in TEXT.splitlines() if line.startswith('| FCN+GAN | 2975 | 64.0 |')]
    assert '[`gan_fcn8s_gta_city`](gan_fcn8s_gta_city.py)' in line
    assert '| 49.7 ± 2.0 (12 labels, 3 seeds) |' in line
    without = {model['Name'] for model in MODELS if not model.get('Results')}
    message = re.findall(r'^\| \[`(\w+)`\]\(\w+\.py\) \| .+ \|$', TEXT, re.M)
    assert set(message) == without and 'ga_fcsa_deeplabv2_synthia_city' in message
