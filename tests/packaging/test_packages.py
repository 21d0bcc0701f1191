"""Wheel, source distribution and editable install carry the configs and tools that `mim` runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from tests.tiny_configs import ROOT

PARTS = ('mmseg_joint', 'configs', 'tools', 'model-index.yml')
SETUP = ('setup.py', 'pyproject.toml', 'MANIFEST.in', 'README.md', 'LICENSE')
CONFIGS = sorted(path.relative_to(ROOT) for path in (ROOT / 'configs').rglob('*.py'))
TOOLS = sorted(path.relative_to(ROOT) for path in (ROOT / 'tools').rglob('*.*') if path.is_file())
TOOLS = [path for path in TOOLS if path.suffix in ('.py', '.sh')]
INDEX = ROOT / 'model-index.yml'
LISTS = {
    path.name: path.read_bytes()
    for path in (ROOT / 'mmseg_joint/datasets/label_lists/cityscapes').iterdir()
}

if find_spec('setuptools') is None or find_spec('setuptools.command.bdist_wheel') is None:
    pytest.skip('building a wheel needs setuptools from 70.1 on', allow_module_level=True)


def build(project: Path, kind: str) -> Path:
    """Build as pip does, with what is installed here."""
    out = project.parent / kind
    code = f'from setuptools import build_meta; print(build_meta.build_{kind}({str(out)!r}))'
    out.mkdir()
    command = [sys.executable, '-c', code]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return out / done.stdout.split()[-1]


@pytest.fixture(scope='module')
def project(tmp_path_factory):
    """What is unpacked from the source distribution."""
    folder = tmp_path_factory.mktemp('packages')
    checkout = folder / 'checkout'
    checkout.mkdir()
    for part in (*PARTS, *SETUP):
        if (ROOT / part).is_dir():
            ignore = shutil.ignore_patterns('__pycache__', '.mim')
            shutil.copytree(ROOT / part, checkout / part, ignore=ignore)
        else:
            shutil.copy(ROOT / part, checkout)
    shutil.unpack_archive(build(checkout, 'sdist'), folder / 'unpacked')
    return next((folder / 'unpacked').iterdir())


@pytest.fixture(scope='module', params=['wheel', 'editable'])
def site(request, project):
    """A folder of installed packages."""
    folder = project.parent / f'site_{request.param}'
    zipfile.ZipFile(build(project, request.param)).extractall(folder)
    return folder


def where_mim_looks(site: Path) -> Path:
    """The folder that openmim searches, by its own rule."""
    if (site / 'mmseg_joint').exists():
        return site / 'mmseg_joint'
    (names,) = site.glob('*.dist-info/top_level.txt')
    return site / names.read_text().split('\n')[0]


def index_of(site: Path) -> Path:
    """The list of metafiles that openmim reads, in its order."""
    root = where_mim_looks(site)
    return next(path for path in (root / '.mim' / INDEX.name, root / INDEX.name) if path.exists())


def test_mim_finds_each_config_once_and_the_tools(site):
    root = where_mim_looks(site)
    found = [Path(folder, name) for folder, _, names in os.walk(root) for name in names]
    for config in CONFIGS:
        same = [path for path in found if path.name == config.name and 'configs' in path.parts]
        assert [path.read_bytes() for path in same] == [(ROOT / config).read_bytes()], config
    base = root / '.mim' if (root / '.mim').exists() else root
    assert not [tool for tool in TOOLS if not (base / tool).is_file()]


def test_mim_finds_the_metafiles(site):
    index = index_of(site)
    assert index.read_bytes() == INDEX.read_bytes()
    imported = yaml.safe_load(index.read_text())['Import']
    assert [(index.parent / name).read_bytes() for name in imported] == [
        (ROOT / name).read_bytes() for name in imported
    ]


def run_in(site: Path, code: str, cwd: Path) -> str:
    """Run code with the packages of a folder instead of the checkout's."""
    others = [path for path in sys.path if path and Path(path).resolve() != ROOT]
    environment = {**os.environ, 'PYTHONPATH': os.pathsep.join(others)}
    # no other install comes first: -S leaves its .pth file out, and its finder has the same name
    first = f'import site, sys; sys.path.insert(0, {str(site)!r}); site.addsitedir({str(site)!r})'
    command = [sys.executable, '-S', '-c', f'{first}; import mmseg_joint; {code}']
    done = subprocess.run(command, env=environment, cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_is_installed_finds_its_own_files(site, project, tmp_path):
    """A config by its name, the label lists, and a tool the metafiles."""
    child = tmp_path / 'child.py'
    child.write_text("_base_ = 'mmseg_joint::joint_fcn8s_streets.py'")
    code = (
        'from mmengine import Config; from mmseg_joint.datasets.label_lists.files import SHIPPED; '
        'print(mmseg_joint.__file__, SHIPPED, sep="\\n"); '
        f'print(Config.fromfile({str(child)!r}).model.type); '
        f'import runpy, sys; sys.argv = ["tables", "--table", "hrs5"]; '
        f'runpy.run_path({str(index_of(site).parent / "tools/tables.py")!r}, run_name="__main__")'
    )
    said = run_in(site, code, tmp_path).splitlines()
    assert said[-1] == '| full | 2975 | 68.1 | `hrs_fcn8s_gta_city` |'
    model = said.index('JointEncoderDecoder')
    package, lists = said[model - 2 : model]
    assert Path(package).parent == (
        site / 'mmseg_joint' if (site / 'mmseg_joint').exists() else project / 'mmseg_joint'
    )
    lists = Path(lists, 'cityscapes')
    assert {p.name: p.read_bytes() for p in lists.iterdir()} == LISTS
