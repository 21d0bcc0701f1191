from __future__ import annotations

import shutil

import pytest

from mmseg_joint.streets import write_streets
from tests.tiny_configs import ROOT, tiny


@pytest.fixture(scope='session')
def template(lines, tmp_path_factory):
    """Streets of both domains, a tiny HRS config of them, hrs.py, and its checkpoint, hrs.pth."""
    place = tmp_path_factory.mktemp('template')
    options = dict(size=(64, 48), workers=1, progress=False)
    write_streets(place / 'data/gta', 3, 'gta', **options)
    write_streets(place / 'data/city', 3, 'cityscapes', split='train', **options)
    write_streets(place / 'data/city', 3, 'cityscapes', split='val', start=100, **options)
    roots = {'GTADataset': 'data/gta', 'CityscapesIdsDataset': 'data/city'}
    cfg = tiny(ROOT / 'configs/hrs_fcn8s_streets.py', roots, 'work')
    cfg.default_hooks.checkpoint.interval = 1
    cfg.dump(place / 'hrs.py')
    ended = lines.run(ROOT / 'tools/train.py', 'hrs.py', cwd=place)
    assert ended.status == 0, ended.stderr
    shutil.move(place / 'work/iter_2.pth', place / 'hrs.pth')
    shutil.rmtree(place / 'work')
    return place
