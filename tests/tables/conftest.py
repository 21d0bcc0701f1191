from __future__ import annotations

import pytest

from mmseg_joint.tables.rows import read_tables
from tests.tiny_configs import ROOT


@pytest.fixture(scope='session')
def tables():
    """The project's tables by id; reading a hundred configs takes seconds."""
    return {table.contents.id: table for table in read_tables(ROOT / 'configs')}
