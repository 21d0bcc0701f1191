from __future__ import annotations

import logging
import urllib.error

import pytest
import torch
from mmengine.model import BaseModule, PretrainedInit
from torch import nn

from mmseg_joint.checkpoints.pretrained import PretrainedMixin, check_pretrained, fitting_weights
from mmseg_joint.errors import JointError


class Tiny(BaseModule):
    def __init__(self, init_cfg=None):
        super().__init__(init_cfg)
        self.conv = nn.Conv2d(3, 4, 1)
        self.fc = nn.Linear(4, 2)


class Stripping(Tiny):
    def init_weights(self):
        """Load the file without `backbone.`, as mmseg's Swin does."""


class TinyLoader(PretrainedMixin, Tiny):
    default_init = ({'type': 'Constant', 'layer': 'Linear', 'val': 7.0},)


def pretrained_cfg(path, **kwargs):
    return {'type': 'Pretrained', 'checkpoint': str(path), **kwargs}


@pytest.fixture
def file(tmp_path):
    """The tiny network's parameters, all ones."""
    path = tmp_path / 'tiny.pth'
    torch.save({key: torch.ones_like(value) for key, value in Tiny().state_dict().items()}, path)
    return path


def fitting(path, **kwargs):
    return fitting_weights(Tiny(), pretrained_cfg(path, **kwargs), 'model.backbone')


@pytest.mark.parametrize('kind', ['Pretrained', 'mmengine.Pretrained', PretrainedInit])
def test_everything_is_loaded_and_logged(file, logged, kind):
    module = TinyLoader({**pretrained_cfg(file), 'type': kind})
    module.init_weights()
    assert all((value == 1).all() for value in module.state_dict().values())
    assert logged == [(logging.INFO, f'model.backbone: loaded 4 of 4 parameters from {file}')]


def test_the_log_counts_and_names_what_was_left(tmp_path, logged):
    path = tmp_path / 'partial.pth'
    state = {'conv.weight': torch.ones(4, 3, 1, 1), 'fc.weight': torch.ones(9, 4)}
    torch.save({'state_dict': {**state, 'other.bias': torch.ones(1)}}, path)
    assert list(fitting(path)) == ['conv.weight']
    level, message = logged[0]
    assert level == logging.WARNING
    assert f'will load 1 of 4 parameters from {path}; left at initialization: ' in message
    assert 'conv.bias (not in the file)' in message
    assert 'fc.weight (shape (9, 4) in the file, (2, 4) here)' in message
    assert 'not in the network: other.bias' in message


@pytest.mark.parametrize('prefix', ['encoder', 'encoder.'])
def test_prefix_and_wrapper_are_stripped(tmp_path, prefix):
    path = tmp_path / 'whole.pth'
    state = Tiny().state_dict()
    torch.save({f'module.encoder.{key}': value for key, value in state.items()}, path)
    assert fitting(path, prefix=prefix).keys() == state.keys()


def test_absent_file_names_key_and_remedy():
    with pytest.raises(JointError) as error:
        fitting('/nowhere/vgg.pth')
    assert "model.backbone.init_cfg.checkpoint='/nowhere/vgg.pth'" in str(error.value)
    assert 'model.backbone.init_cfg=None' in str(error.value)


def test_failed_download_names_the_reason(monkeypatch):
    def refuse(*args, **kwargs):
        raise urllib.error.URLError('no route to host')

    monkeypatch.setattr(torch.hub, 'load_state_dict_from_url', refuse)
    with pytest.raises(JointError, match=r'cannot be loaded \(.*no route to host.*init_cfg=None'):
        fitting('https://example.org/vgg.pth')


def test_unknown_scheme_or_model_is_one_sentence():
    with pytest.raises(JointError, match='cannot be loaded'):
        fitting('open-mmlab://no_such_model')


def test_a_file_that_fits_nothing_shows_both_sides(tmp_path):
    path = tmp_path / 'other.pth'
    torch.save({'layer1.weight': torch.ones(5)}, path)
    with pytest.raises(JointError) as error:
        fitting(path)
    assert 'conv.weight (4, 3, 1, 1)' in str(error.value)
    assert 'layer1.weight (5,)' in str(error.value)
    with pytest.raises(JointError, match=r'nothing under init_cfg\.prefix'):
        fitting(path, prefix='absent')


def test_mixin_initializes_then_loads_once(tmp_path, logged):
    path = tmp_path / 'conv.pth'
    torch.save({'conv.weight': torch.ones(4, 3, 1, 1)}, path)
    cfgs = [pretrained_cfg(path), {'type': 'Constant', 'layer': 'Conv2d', 'val': 3, 'bias': 2}]
    module = TinyLoader(cfgs)
    module.init_weights()
    assert (module.conv.weight == 1).all() and (module.conv.bias == 2).all()
    assert (module.fc.weight == 7).all()
    assert module.init_cfg == cfgs
    module.init_weights()
    assert len(logged) == 1
    other = TinyLoader({'type': 'Constant', 'layer': 'Linear', 'val': 5.0})
    other.init_weights()
    assert (other.fc.weight == 5).all()  # the config's value goes before the default


def test_check_of_a_foreign_backbone_loads_nothing(file, logged):
    module = Tiny(pretrained_cfg(file))
    before = module.conv.weight.clone()
    check_pretrained(module, 'model.neck')
    assert torch.equal(module.conv.weight, before)
    assert logged[0][1] == f'model.neck: will load 4 of 4 parameters from {file}'
    check_pretrained(TinyLoader(pretrained_cfg(file)))  # it checks as it loads
    assert len(logged) == 1


def test_check_refuses_what_mmengine_would_skip(tmp_path):
    path = tmp_path / 'wrapped.pth'
    torch.save({f'backbone.{key}': v for key, v in Tiny().state_dict().items()}, path)
    with pytest.raises(JointError, match='fits'):
        check_pretrained(Tiny(pretrained_cfg(path)))
    check_pretrained(Tiny(pretrained_cfg(path, prefix='backbone.')))
    with pytest.raises(JointError, match='does not exist'):
        check_pretrained(Tiny(pretrained_cfg('/nowhere.pth')))
    check_pretrained(Tiny())
    check_pretrained(nn.Linear(1, 1))
    initialized = Tiny(pretrained_cfg('/nowhere.pth'))
    initialized._is_init = True  # mmengine then loads nothing
    check_pretrained(initialized)
    check_pretrained(Stripping(pretrained_cfg(path)))
