from __future__ import annotations

import errno
import pickle
import re

import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmseg.registry import DATASETS, MODELS, TRANSFORMS

from mmseg_joint.utils.known_errors import explain
from tests.tiny import GAN, batch, build


def caught(function, *arguments) -> Exception:
    with pytest.raises(Exception) as found:
        function(*arguments)
    return found.value


@pytest.mark.parametrize(
    ('registry', 'config', 'told'),
    [
        (MODELS, dict(type='VGGEncodr'), 'and no model has that name: did you mean "VGGEncoder"?'),
        # of mmcv, whose registry is the parent of mmseg's
        (TRANSFORMS, dict(type='RandomResiz'), 'did you mean "RandomResize"?'),
        (DATASETS, dict(type='Xyz'), 'no dataset has that name: name its module in custom_imports'),
        (MODELS, dict(a=1, b=2), 'The config has a dict of a, b, which needs a type: add the key.'),
        (MODELS, 'VGG', "The config has 'VGG' where dict(type=…) is needed"),
        (MODELS, dict(type='VGGEncoder', x=1), "unexpected keyword argument 'x': correct the key"),
        (MODELS, dict(type='SemanticDiscriminator'), 'missing 2 required positional arguments'),
    ],
)
def test_what_the_registries_refuse(registry, config, told):
    assert told in explain(caught(registry.build, config))


def test_channels_are_told_with_the_place_of_the_network():
    gan = {**GAN, 'discriminator': {**GAN['discriminator'], 'in_channels': 5}}
    model = build(dict(mine=gan))
    wrapper = build_optim_wrapper(model, dict(optimizer=dict(type='SGD', lr=0.1)))
    told = explain(caught(model.train_step, batch(), wrapper))
    assert told == (
        'model.objectives.mine.discriminator (PatchDiscriminator) is made for 5 channels and given '
        '3: set its in_channels to 3.'
    )


def test_files_that_the_system_refuses(tmp_path):
    (tmp_path / 'file').touch()
    for path, reason in (('gone', 'correct the path'), ('file/x', 'where a folder is needed')):
        told = explain(caught(open, tmp_path / path))
        assert str(tmp_path / path) in told and reason in told
    told = explain(caught(open, tmp_path))
    assert 'name a file instead of a folder' in told
    full = OSError(errno.ENOSPC, 'No space left on device')
    assert (
        explain(full) == 'A file cannot be used (No space left on device): make room on the disk.'
    )


def raise_(error: Exception) -> None:
    raise error


@pytest.mark.parametrize(
    'error',
    [
        KeyError('a'),
        KeyError(3),
        KeyError(),
        TypeError("A.__init__() got an unexpected keyword argument 'x'"),  # not of a config
        RuntimeError('expected input to have 3 channels, but got 4 channels instead'),
        RuntimeError('out of memory'),
        OSError('of a library'),
        ValueError('a'),
    ],
)
def test_other_errors_are_none_of_the_users(error):
    assert explain(caught(raise_, error)) is None


def test_a_value_that_a_constructor_refuses():
    class Picky:
        def __init__(self, mean):
            assert len(mean) == 3, f'a mean has 3 values, but got {len(mean)} values'

    told = explain(caught(MODELS.build, dict(type=Picky, mean=[1, 2])))
    assert re.fullmatch(r'The config has type="Picky", but .*got 2 values: correct it\.', told)


def test_a_package_that_is_not_installed():
    error = ImportError('Please run "pip install -U neptune" to install neptune')
    assert explain(error) == (
        'The config needs neptune, which is not installed: run `python -m pip install -U neptune`.'
    )
    assert explain(ImportError('No module named x')) is None


def test_a_checkpoint_from_an_address_that_holds_code():
    def load(path: str) -> None:
        raise pickle.UnpicklingError('Weights only load failed')

    assert explain(caught(load, 'https://a.b/c.pth')) == (
        'The checkpoint https://a.b/c.pth holds more than tensors, and no code of a file is run: '
        'give another file.'
    )
    assert explain(pickle.UnpicklingError()).startswith('A checkpoint holds more')


def test_channels_outside_of_a_model_are_none_of_the_users():
    assert explain(caught(torch.nn.Conv2d(3, 4, 1), torch.zeros(1, 5, 4, 4))) is None
