"""The doctor on a broken installation."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys

import pytest

from mmseg_joint import stack
from mmseg_joint.doctor import environment
from mmseg_joint.doctor.report import Report
from tests.test_stack import ONEDL, installed
from tests.tiny_configs import ROOT

# runs when Python starts: makes some modules and their distributions unavailable
BROKEN_SITE = """
import importlib.metadata as metadata
import sys

GONE = {gone!r}
found = metadata.version

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name in GONE:
            raise ModuleNotFoundError(f"No module named '{{name}}'", name=name)

def version(name):
    if any(gone in name for gone in GONE):
        raise metadata.PackageNotFoundError(name)
    return found(name)

metadata.version = version
sys.meta_path.insert(0, Refuse())
"""
# the package while `-m mmseg_joint.doctor` starts: just its folder
LIGHT = f"""
import runpy, sys, types
package = types.ModuleType('mmseg_joint')
package.__path__ = [{str(ROOT / 'mmseg_joint')!r}]
sys.modules['mmseg_joint'] = package
sys.argv = ['doctor', *sys.argv[1:]]
runpy.run_module('mmseg_joint.doctor', run_name='__main__')
"""


def without(folder, gone: list[str], *command: str) -> subprocess.CompletedProcess:
    (folder / 'sitecustomize.py').write_text(BROKEN_SITE.format(gone=gone))
    path = os.pathsep.join([str(folder), str(ROOT)])
    variables = {**os.environ, 'PYTHONPATH': path, 'PYTHONWARNINGS': 'ignore'}
    return subprocess.run(
        [sys.executable, *command], env=variables, capture_output=True, text=True, cwd=folder
    )


def test_without_mmseg_the_command_that_installs_it_is_printed(tmp_path):
    done = without(tmp_path, ['mmseg', 'mmsegmentation'], '-m', 'mmseg_joint.doctor')
    assert done.returncode == 1
    assert 'needs mmseg: run `pip install onedl-mmengine onedl-mmcv onedl-mmsegmentation`' in (
        done.stdout + done.stderr
    )
    assert 'Traceback' not in done.stderr


@pytest.mark.parametrize('command', [('-c', 'import mmseg_joint'), ('-m', 'mmseg_joint.doctor')])
def test_a_timm_that_dies_of_another_torchvision_is_named_with_its_remedy(tmp_path, command):
    """mmseg imports timm, so nothing runs without the remedy, whatever the backbone."""
    reason = 'operator torchvision::nms does not exist'
    (tmp_path / 'timm.py').write_text(f'raise RuntimeError({reason!r})')
    done = without(tmp_path, [], *command)
    assert done.returncode == 1
    message = ' '.join((done.stdout + done.stderr).split())
    assert reason in message and 'the torchvision that belongs to your torch' in message


def test_the_doctor_itself_runs_without_anything(tmp_path):
    gone = ['torch', 'cv2', 'mmengine', 'mmcv', 'mmseg']
    done = without(tmp_path, gone, '-c', LIGHT, '--cfg-options', 'a=1')
    assert done.returncode == 1, done.stderr
    assert 'Traceback' not in done.stderr
    problems = [line for line in done.stdout.splitlines() if line.startswith('problem: ')]
    assert len(problems) == 2
    assert '`python -m pip install torch opencv-python`' in problems[0]
    assert 'needs mmcv, mmengine, mmseg: run `pip install onedl-mmengine' in problems[1]


def test_all_requirements_of_the_package_are_checked(monkeypatch):
    given: dict = {}
    monkeypatch.setattr('setuptools.setup', lambda **values: given.update(values))
    runpy.run_path(str(ROOT / 'setup.py'))
    required = {re.split('[<>=~!]', line)[0] for line in given['install_requires']}
    assert set(environment.BASE.values()) == required


def test_every_missing_package_is_named(monkeypatch):
    def gone(name):
        raise ModuleNotFoundError(name=name)

    monkeypatch.setattr(environment.importlib, 'import_module', gone)
    report = Report()
    environment._import_base(report)
    (problem,) = report.problems
    assert 'tqdm, scipy, filelock, markdown-it-py are missing: run' in problem


def report_of_stack(monkeypatch, versions: dict[str, str], **failing: Exception) -> list[str]:
    def import_module(name):
        if name in failing:
            raise failing[name]

    monkeypatch.setattr(stack, 'version', installed(versions))
    monkeypatch.setattr(environment.importlib, 'import_module', import_module)
    report = Report()
    environment._check_stack(report)
    return report.problems


NEWER = {**ONEDL, 'onedl-mmsegmentation': '9.0'}


def test_a_healthy_stack_and_newer_versions_are_no_problem(monkeypatch, capsys):
    assert report_of_stack(monkeypatch, NEWER) == []
    said = capsys.readouterr().out
    assert '9.0 (onedl-mmsegmentation; tested with 1.4.2)' in said
    assert 'OneDL' in said.splitlines()[-1]


def test_broken_packages_are_reported_with_the_remedy(monkeypatch):
    broken = AssertionError('MMCV==9 is used but incompatible.\nmore')
    (problem,) = report_of_stack(monkeypatch, NEWER, mmseg=broken)
    assert 'cannot be imported (MMCV==9 is used but incompatible)' in problem
    assert '--force-reinstall --no-deps onedl-mmsegmentation' in problem
    missing = ModuleNotFoundError("No module named 'ftfy'", name='ftfy')
    (problem,) = report_of_stack(monkeypatch, NEWER, mmseg=missing)
    assert problem == 'mmseg needs ftfy, which is missing: run `python -m pip install ftfy`.'
    missing = ModuleNotFoundError("No module named 'torch'", name='torch')
    # reported once, by its own check
    assert report_of_stack(monkeypatch, NEWER, mmseg=missing) == []


def test_packages_of_two_lines_at_once(monkeypatch):
    mixed = {'onedl-mmengine': '0.10.12', 'mmcv': '2.1.0', 'mmsegmentation': '1.2.2'}
    (problem,) = report_of_stack(monkeypatch, mixed)
    assert 'come from two lines' in problem


@pytest.mark.parametrize(('torch', 'problems'), [('2.3.1', 1), ('2.4.0', 0), ('3.0.0+cpu', 0)])
def test_an_old_torch(monkeypatch, torch, problems):
    import torch as module

    monkeypatch.setattr(module, '__version__', torch)
    report = Report()
    environment._check_torch(report, module)
    assert len(report.problems) == problems
