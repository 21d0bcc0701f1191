from __future__ import annotations

import sys
import warnings
from importlib.metadata import PackageNotFoundError

import pytest
from mmengine.config import Config

from mmseg_joint import stack
from mmseg_joint.errors import JointError
from tests.tiny_configs import ROOT


def installed(versions):
    def version(distribution):
        if distribution not in versions:
            raise PackageNotFoundError(distribution)
        return versions[distribution]

    return version


ONEDL = {'onedl-mmengine': '0.10.12', 'onedl-mmcv': '2.3.6', 'onedl-mmsegmentation': '1.4.2'}
UPSTREAM = {'mmengine': '0.10.7', 'mmcv': '2.1.0', 'mmsegmentation': '1.2.2'}


@pytest.mark.parametrize('versions', [ONEDL, UPSTREAM])
def test_both_lines_are_found(monkeypatch, versions):
    monkeypatch.setattr(stack, 'version', installed(versions))
    assert dict(stack.installed_line().values()) == versions


def test_missing_packages_are_named_with_the_command_that_installs_them(monkeypatch):
    monkeypatch.setattr(stack, 'version', installed({'mmengine': '0.10.7'}))
    with pytest.raises(ImportError, match='needs mmcv, mmseg: run `pip install onedl-mmengine'):
        stack.installed_line()


def test_a_newer_release_only_warns(monkeypatch):
    monkeypatch.setattr(stack, 'version', installed({**UPSTREAM, 'mmsegmentation': '2.0.0'}))
    with pytest.warns(UserWarning, match=r'mmsegmentation 2\.0\.0 \(tested: 1\.2\.2\)'):
        stack.warn_if_untested(stack.installed_line())
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        monkeypatch.setattr(stack, 'version', installed(ONEDL))
        stack.warn_if_untested(stack.installed_line())


def test_the_import_works_without_timm(monkeypatch):
    monkeypatch.setitem(sys.modules, 'timm', None)
    stack.check_timm()


def test_a_config_of_ours_is_a_base_by_name(tmp_path):
    child = tmp_path / 'child.py'
    child.write_text(
        "_base_ = 'mmseg_joint::joint_fcn8s_streets.py'\ntrain_cfg = dict(max_iters=7)\n"
    )
    cfg, base = (Config.fromfile(p) for p in (child, ROOT / 'configs/joint_fcn8s_streets.py'))
    base.train_cfg.max_iters = 7
    assert cfg.to_dict() == base.to_dict()


def test_a_base_in_a_folder_and_one_that_is_missing(tmp_path):
    child = tmp_path / 'child.py'
    child.write_text("_base_ = 'mmseg_joint::_base_/schedules/adam_80k.py'")
    assert Config.fromfile(child).train_cfg.max_iters == 80000
    child.write_text("_base_ = 'mmseg_joint::joint_fcn8_streets.py'")
    with pytest.raises(JointError, match=r'no config mmseg_joint::joint_fcn8_streets\.py'):
        Config.fromfile(child)
