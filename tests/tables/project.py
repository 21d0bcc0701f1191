"""The project's own tables."""

from __future__ import annotations

from mmseg_joint.tables.metafiles import read_tables
from tests.tiny_configs import ROOT

INDEX = ROOT / 'model-index.yml'
TABLES = read_tables(INDEX)
