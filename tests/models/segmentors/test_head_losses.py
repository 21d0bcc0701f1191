"""The losses of a head are mmseg's, bit for bit, without a wait."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.models.decode_heads import FCNHead
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.structures import SegDataSample

import mmseg_joint  # noqa: F401
from mmseg_joint.models.segmentors.head_losses import avoid_waits
from mmseg_joint.models.segmentors.pixel_weights import PixelWeights, weighted
from tests.host_waits import host_waits
from tests.tiny import build

CLASSES = 5
SIZE = (37, 53)
MEAN = dict(type='CrossEntropyLoss', avg_non_ignore=True)
PLAIN = dict(type='CrossEntropyLoss', avg_non_ignore=False)
WEIGHTS = (0.3, 1.7, 0.0, 1.0, 2.5)
LOSSES = {
    'mean of labeled pixels': MEAN,
    'mean of all pixels': PLAIN,
    'loss weight': dict(MEAN, loss_weight=0.37),
    'several of one name': [MEAN, dict(PLAIN, loss_weight=0.4), dict(MEAN, loss_weight=0.1)],
    'several names': [MEAN, dict(MEAN, loss_name='loss_second', loss_weight=0.4)],
}
OTHERS = {
    'class weights': dict(PLAIN, class_weight=WEIGHTS),
    'sigmoid': dict(MEAN, use_sigmoid=True),
    'of several kinds': [MEAN, dict(type='DiceLoss', loss_weight=3.0)],
    'sum': dict(MEAN, reduction='sum'),
    'Lovasz': [dict(type='LovaszLoss', reduction='none'), MEAN],
}
OHEM = dict(type='OHEMPixelSampler', thresh=0.3, min_kept=100)
HARDEST = dict(type='OHEMPixelSampler', min_kept=100)


def head_with(loss, kind=FCNHead, **kwargs):
    config = dict(in_channels=3, channels=4, num_convs=1, num_classes=CLASSES, loss_decode=loss)
    head = kind(**copy.deepcopy({**config, **kwargs}))
    head.sampler = PixelWeights(head.sampler)
    avoid_waits([head])
    return head


def samples_with(labels):
    return [SegDataSample(gt_sem_seg=PixelData(data=label[None])) for label in labels]


def some_labels(ignored='some', seed=0):
    labels = torch.randint(0, CLASSES, (2, *SIZE), generator=torch.Generator().manual_seed(seed))
    labels[:, : {'none': 0, 'some': 7, 'all': SIZE[0]}.get(ignored, SIZE[0])] = 255
    if ignored == 'all but one':
        labels[1, 3, 5] = 2
    return labels


def scores(size=SIZE, dtype=torch.float32):
    generator = torch.Generator().manual_seed(1)
    return 3 * torch.randn(2, CLASSES, *size, generator=generator, dtype=dtype)


def losses_and_gradient(method, head, logits, labels, weights=None):
    logits = logits.clone().requires_grad_()
    with weighted([head], weights):
        losses = method(logits, samples_with(labels))
    total = sum(value for name, value in losses.items() if 'loss' in name).mean()
    (gradient,) = torch.autograd.grad(total, logits)
    return {name: value.detach() for name, value in losses.items()}, gradient


def check_equal(head, logits, labels, weights=None):
    with host_waits() as waits:
        ours = losses_and_gradient(head.loss_by_feat, head, logits, labels, weights)
    mmsegs = losses_and_gradient(
        lambda *given: BaseDecodeHead.loss_by_feat(head, *given), head, logits, labels, weights
    )
    assert list(ours[0]) == list(mmsegs[0])
    for name, wanted in mmsegs[0].items():
        found = ours[0][name]
        assert found.dtype == wanted.dtype, name
        assert torch.equal(found, wanted), (name, found, wanted)
    assert torch.equal(ours[1], mmsegs[1])
    return waits


@pytest.mark.parametrize('ignored', ['none', 'some', 'all but one', 'all'])
@pytest.mark.parametrize('weigh', [False, True])
@pytest.mark.parametrize('loss', LOSSES)
def test_equal_without_a_wait(loss, weigh, ignored):
    weights = torch.rand(2, *SIZE, generator=torch.Generator().manual_seed(2)) if weigh else None
    waits = check_equal(head_with(LOSSES[loss]), scores(), some_labels(ignored), weights)
    assert not waits, waits


@pytest.mark.parametrize('loss', OTHERS)
def test_other_losses_stay_as_they_are(loss):
    labels = some_labels()
    if loss == 'class weights':  # beside them, mmseg 1.2.2 itself cannot ignore pixels
        labels = labels.clamp(max=len(WEIGHTS) - 1)
    check_equal(head_with(OTHERS[loss]), scores(), labels)


@pytest.mark.parametrize('sampler', [OHEM, HARDEST])
@pytest.mark.parametrize('weigh', [False, True])
def test_hard_pixels(sampler, weigh):
    weights = torch.rand(2, *SIZE) if weigh else None
    check_equal(head_with(MEAN, sampler=sampler), scores(), some_labels(), weights)


@pytest.mark.parametrize('align_corners', [False, True])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
@pytest.mark.parametrize('size', [SIZE, (10, 14)])
def test_smaller_scores_and_float64(size, dtype, align_corners):
    head = head_with(MEAN, align_corners=align_corners)
    assert not check_equal(head, scores(size, dtype), some_labels())


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_half_precision(dtype):
    without_ties = scores().argsort(dim=1).argsort(dim=1).to(dtype) * 0.75
    with torch.autocast('cpu', dtype):
        assert not check_equal(head_with(MEAN), without_ties, some_labels())


def test_an_ignore_index_that_is_a_class():
    assert not check_equal(head_with(MEAN, ignore_index=2), scores(), some_labels('none'))


def test_equal_scores_count_for_the_first_class():
    head = head_with(MEAN)
    labels = torch.zeros(2, *SIZE, dtype=torch.long)
    percent = head.loss_by_feat(torch.zeros(2, CLASSES, *SIZE), samples_with(labels))['acc_seg']
    assert percent == 100
    percent = head.loss_by_feat(torch.zeros(2, CLASSES, *SIZE), samples_with(labels + 1))['acc_seg']
    assert percent < 1e-6


def test_a_head_with_a_loss_of_its_own_keeps_it():
    class OwnWay(FCNHead):
        def loss_by_feat(self, seg_logits, batch_data_samples):
            return {'loss_own': seg_logits.sum()}

    head = head_with(MEAN, kind=OwnWay)
    assert list(head.loss_by_feat(scores(), samples_with(some_labels()))) == ['loss_own']


@pytest.mark.parametrize('duplicate', [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copy_computes_its_own(duplicate):
    head = head_with(MEAN)
    other = duplicate(head)
    other.ignore_index = 0
    assert other.loss_by_feat.args[0] is other
    check_equal(other, scores(), some_labels('none'))
    check_equal(head, scores(), some_labels('none'))


def test_every_head_of_a_segmentor():
    auxiliary = dict(
        type='FCNHead', in_channels=8, in_index=4, channels=4, num_classes=CLASSES, num_convs=1
    )
    model = build(auxiliary_head=[dict(auxiliary, loss_decode=MEAN)] * 2)
    heads = [model.decode_head, *model.auxiliary_head]
    for head in heads:
        assert not check_equal(head, scores(), some_labels())
    assert len({id(head.loss_by_feat.args[0]) for head in heads}) == 3
    assert not any('loss_by_feat' in name for name in model.state_dict())
