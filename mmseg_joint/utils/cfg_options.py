from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from typing import Any

from mmengine.config import DictAction


class CfgOptions(DictAction):
    """mmengine's action for `--cfg-options KEY=VALUE …` that says what it cannot parse.

    mmengine also deletes all spaces; here those of a single value stay, such as a path's.
    """

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Add the values to the namespace; end the program if one is malformed."""
        for text in values or ():
            key, equals, value = text.partition('=')
            if not (key and equals):
                parser.error(f'{option_string} {text}: write KEY=VALUE.')
            if _is_list(value) and re.search(r'[^\s,()[\]]\s+[^\s,()[\]]', value):
                parser.error(
                    f'{option_string} {text}: values in a list cannot have spaces here; set '
                    f'{key} in a config.'
                )
            try:
                super().__call__(parser, namespace, [text], option_string)
            except AssertionError:
                parser.error(f'{option_string} {text}: close every bracket of the value.')

    @staticmethod
    def _parse_iterable(val: str) -> Any:
        single = val.strip('\'" ')
        return single if ' ' in single and not _is_list(val) else DictAction._parse_iterable(val)


def _is_list(value: str) -> bool:
    return ',' in value or value.strip('\'" ').startswith(('(', '['))


def add_config_flags(parser: argparse.ArgumentParser) -> None:
    """Add `--cfg-options`, and `--debug` for `cli.run`, to a tool that reads a config."""
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=CfgOptions,
        metavar='KEY=VALUE',
        help='change values of the config, like train_dataloader.num_workers=4',
    )
    parser.add_argument('--debug', action='store_true', help='show the traceback of an error')


def add_launcher_flags(parser: argparse.ArgumentParser) -> None:
    """Add mmengine's launcher flags to a tool that several processes may run."""
    launchers = ['none', 'pytorch', 'slurm', 'mpi']
    parser.add_argument('--launcher', choices=launchers, default='none', help='job launcher')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)
