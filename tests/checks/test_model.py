from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from torch import nn

from mmseg_joint.checks.model import check_classes, watch_channels
from mmseg_joint.errors import JointError
from tests.tiny import GAN, batch, build


@pytest.fixture
def model():
    model = nn.Linear(1, 1)
    model.num_classes = 3
    return model


def data(count: int | None, **attributes) -> SimpleNamespace:
    classes = None if count is None else tuple('abcdef'[:count])
    return SimpleNamespace(metainfo=dict(classes=classes), **attributes)


def test_the_first_that_differs_is_named(model):
    check_classes(model, data(3), 'test_dataloader.dataset')
    check_classes(model, data(None), 'test_dataloader.dataset')
    with pytest.raises(
        JointError, match=r'^test_dataloader\.dataset has 2 .*num_classes is 3: make'
    ):
        check_classes(nn.DataParallel(model), data(2), 'test_dataloader.dataset')
    domains = dict(source=data(3), unlabeled=data(5, labeled=False))
    joint = data(3, domains=domains)
    check_classes(model, joint, 'x')
    domains['target'] = data(4)
    with pytest.raises(JointError, match=r'^x\.domains\.target has 4 classes'):
        check_classes(model, joint, 'x')


SGD = dict(optimizer=dict(type='SGD', lr=0.1))


def hooks(model: nn.Module) -> int:
    return sum(len(module._forward_pre_hooks) for module in model.modules())


def test_channels_are_reported_with_the_key_of_the_network():
    gan = {**GAN, 'discriminator': {**GAN['discriminator'], 'in_channels': 5}}
    model = build(dict(mine=gan))
    watch_channels(Config(), nn.DataParallel(model))
    with pytest.raises(JointError) as caught:
        model.train_step(batch(), build_optim_wrapper(model, SGD))
    assert str(caught.value) == (
        'model.objectives.mine.discriminator (PatchDiscriminator) is made for 5 channels and given '
        '3: set its in_channels to 3.'
    )


def test_only_first_calls_are_watched_and_nothing_else_changes():
    model = build(dict(mine=GAN))
    before = list(model.state_dict())
    watch_channels(Config(dict(compile=True)), model)
    assert hooks(model) == 0
    watch_channels(Config(), model)
    assert hooks(model) > 0
    model.train_step(batch(), build_optim_wrapper(model, SGD))
    assert hooks(model) == 0
    assert list(model.state_dict()) == before


def test_images_without_a_batch_too():
    conv = nn.Sequential(nn.ConvTranspose2d(3, 1, 1))
    watch_channels(Config(), conv)
    with pytest.raises(JointError, match=r'\(Sequential\) is made for 3 channels and given 2: set'):
        conv(torch.zeros(2, 4, 4))
