"""For processes that a test starts: their config names it in `custom_imports`."""

from __future__ import annotations

from tests.shortcuts import take_shortcuts

take_shortcuts()
