from __future__ import annotations

from types import SimpleNamespace

from torch import nn

from mmseg_joint.utils.unwrapped import optimizers_of, unwrapped


def test_a_model_inside_all_its_wrappers():
    model = nn.Linear(1, 1)
    model.module = 'a name of its own'
    for wrapped in (model, nn.DataParallel(model), nn.DataParallel(nn.DataParallel(model))):
        assert unwrapped(wrapped) is model


def test_optimizers_of_one_wrapper_or_several():
    one, other = SimpleNamespace(optimizer='one'), SimpleNamespace(optimizer='other')
    assert optimizers_of(one) == {'segmentor': 'one'}
    assert optimizers_of(dict(segmentor=other, gan=one)) == dict(segmentor='other', gan='one')
