from __future__ import annotations

import pytest

from tests.tables.project import TABLES


@pytest.fixture(scope='session')
def tables():
    """The project's tables by id; a row's config is read once."""
    return {table.id: table for table in TABLES}
