from __future__ import annotations

import copy
import weakref

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from mmseg_joint.errors import JointError
from tests.models.objectives.test_pixelda import CALM, NARROW
from tests.models.segmentors.test_joint_encoder_decoder import DEEPLAB
from tests.tiny import HRS, MODEL, batch, build

DROPOUT = dict(backbone=dict(MODEL.backbone, dropout_ratio=0.5))
ADVERSARIAL = dict(
    ga=dict(type='OutputAdversarial', align='target'),
    squares=dict(type='TargetRegularization', loss=dict(type='MaxSquareLoss')),
)


def trained(objectives: dict, sequential: bool, domains: tuple[str, ...], dtype=None, **changes):
    kept = build(objectives, merge_domains=False, **changes)
    model = build(objectives, sequential_domains=sequential, merge_domains=False, **changes)
    model.load_state_dict(kept.state_dict())
    model.train()
    torch.manual_seed(1)
    data = model.data_preprocessor(batch(domains=domains, count=2), training=True)
    with torch.autocast('cpu', dtype, enabled=dtype is not None):
        losses = model.loss(**data)
        total = model.parse_losses(losses)[0]
    total.backward()
    gradients = {name: value.grad for name, value in model.named_parameters()}
    return losses, gradients, dict(model.named_buffers()), torch.get_rng_state()


CASES = {
    'HRS with dropout': (HRS, ('source', 'target'), DROPOUT),
    'direct joint': ({}, ('source', 'target'), DROPOUT),
    'batch norm, two levels': (ADVERSARIAL, ('source', 'target', 'unlabeled'), DEEPLAB),
    'images that an objective makes': (
        dict(pixelda=dict(type='PixelDA', generator=NARROW, discriminator=CALM)),
        ('source', 'target'),
        {},
    ),
}


@pytest.mark.parametrize('dtype', [None, torch.bfloat16], ids=['float32', 'bfloat16'])
@pytest.mark.parametrize('case', CASES)
def test_losses_gradients_and_averages_are_those_of_keeping_all_maps(case, dtype):
    objectives, domains, changes = copy.deepcopy(CASES[case])
    kept = trained(objectives, False, domains, dtype, **changes)
    turned = trained(objectives, True, domains, dtype, **changes)
    for theirs, ours in zip(kept[:3], turned[:3]):
        assert set(theirs) == set(ours)
        for name, value in theirs.items():
            if value is None:
                assert ours[name] is None, name
            else:
                assert torch.equal(ours[name], value), name
    assert any(value.any() for value in turned[1].values() if value is not None)
    assert torch.equal(turned[3], kept[3])  # the next step draws the same random numbers


class PeakOfMaps(TorchDispatchMode):
    """The most bytes of results alive at once, apart from weights and images."""

    def __init__(self):
        super().__init__()
        self.alive, self.peak = {}, 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, (tuple, list)) else [result]:
            if isinstance(tensor, torch.Tensor):
                self._note(tensor.untyped_storage())
        return result

    def _note(self, storage):
        if storage._cdata not in self.alive:
            self.alive[storage._cdata] = storage.nbytes()
            weakref.finalize(storage, self.alive.pop, storage._cdata, None)
            self.peak = max(self.peak, sum(self.alive.values()))


def peak(domains: tuple[str, ...], **changes) -> int:
    model = build(**changes)
    data = model.data_preprocessor(batch(domains=domains, size=(128, 128)), training=True)
    with PeakOfMaps() as maps:
        model.parse_losses(model.loss(**data))[0].backward()
    return maps.peak


def test_the_maps_of_one_domain_live_at_a_time():
    one, three = ('target',), ('source', 'target', 'other')
    alone, together = peak(one), peak(three)
    sequential = peak(three, sequential_domains=True)
    assert together > 2 * alone
    assert sequential < 1.5 * alone


def test_both_options_at_once_are_refused():
    with pytest.raises(JointError, match='leave one of them out'):
        build(sequential_domains=True, merge_domains=True)
