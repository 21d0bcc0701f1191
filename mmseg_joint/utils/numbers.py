"""Checks of values that users give: a bad one is refused in one sentence."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mmseg_joint.errors import JointError


def check_choice(key: str, value: Any, choices: Iterable[Any]) -> None:
    """Refuse a value that is not one of the choices; `key` is its name in the config."""
    choices = list(choices)
    if value not in choices:
        raise JointError(f'{key} is {value!r}: choose one of {", ".join(map(str, choices))}.')


def check_share(key: str, value: float) -> None:
    """Refuse a value that is not a share or probability; `key` is its name in the config."""
    if not 0 <= value <= 1:
        raise JointError(f'{key} is {value}: choose a number from 0 to 1.')


def check_whole(key: str, value: Any, least: int = 1) -> None:
    """Refuse a value that is not a whole number >= `least`; `key` is its name in the config."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise JointError(f'{key} is {value!r}: give a whole number from {least}.')
