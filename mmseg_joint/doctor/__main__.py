"""The command line. It loads only light modules until the installation is known to work."""

from __future__ import annotations

import argparse
import importlib
import sys

from mmseg_joint.doctor.environment import check_environment
from mmseg_joint.doctor.report import Report
from mmseg_joint.utils.cli import existing_file, run


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog='python -m mmseg_joint.doctor',
        description='Check the installation and, given a config, everything needed to train it.',
    )
    parser.add_argument('config', nargs='?', help='config file')
    parser.add_argument(
        '--all', action='store_true', help='read every image and label, not a few of each domain'
    )
    parser.add_argument('--step', action='store_true', help='time a real training step')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=_option_action(),
        metavar='KEY=VALUE',
        help='change values of the config',
    )
    parser.add_argument('--debug', action='store_true', help='show the traceback of an error')
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Run the checks, print one line per problem, and return the exit status: 1 if there is any."""
    args = parse_args(argv)
    if args.config:
        existing_file(args.config, 'config')
    report = Report()
    if check_environment(report) and _register(report) and args.config:
        from mmseg_joint.doctor.examine import examine  # needs everything that was just checked

        examine(args.config, args.cfg_options, report, args.all, args.step)
    return report.end()


def _option_action() -> type[argparse.Action] | str:
    try:
        from mmseg_joint.utils.cfg_options import CfgOptions
    except Exception:  # the stack is not installed, or broken: the report will say so
        return 'store'
    return CfgOptions


def _register(report: Report) -> bool:
    """Import what the package skipped when it saw that the doctor was about to start."""
    try:
        if 'mmseg_joint.datasets' not in sys.modules:
            importlib.reload(importlib.import_module('mmseg_joint'))
    except Exception as error:  # a release that has changed too much
        report.problem(
            f'mmseg_joint cannot be imported ({error}): install the versions it was tested with, '
            '`python -m pip install -c requirements/tested.txt -e ".[onedl]"`.'
        )
        return False
    return True


if __name__ == '__main__':
    run(lambda: sys.exit(main()))
