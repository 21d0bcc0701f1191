from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from mmengine.config import DictAction


class CfgOptions(DictAction):
    """mmengine's action of `--cfg-options KEY=VALUE …`, which says what it cannot read."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Add the values to the namespace; end the program if one is not well written."""
        for text in values or ():
            key, equals, _ = text.partition('=')
            if not (key and equals):
                parser.error(f'{option_string} {text}: write KEY=VALUE.')
            try:
                super().__call__(parser, namespace, [text], option_string)
            except AssertionError:
                parser.error(f'{option_string} {text}: close every bracket of the value.')
