"""Batches reach a GPU from pinned memory, and their channels are flipped there."""

from __future__ import annotations

import copy

import pytest
import torch
from mmseg.models.data_preprocessor import SegDataPreProcessor

from mmseg_joint.models.data_preprocessor import JointDataPreprocessor, _pinned
from tests.tiny import batch

VALUES = dict(mean=[120.0, 110.0, 100.0], std=[58.0, 57.0, 56.0], bgr_to_rgb=True, size_divisor=32)


def test_images_are_those_of_mmseg():
    data = batch(size=(45, 70))
    ours = JointDataPreprocessor(**VALUES)(copy.deepcopy(data), training=True)
    theirs = SegDataPreProcessor(**VALUES)(copy.deepcopy(data), training=True)
    for index, domain in enumerate(('source', 'target')):
        assert torch.equal(ours['inputs'][domain][0], theirs['inputs'][index])
        got, expected = ours['data_samples'][domain][0], theirs['data_samples'][index]
        assert torch.equal(got.gt_sem_seg.data, expected.gt_sem_seg.data)
    tested = dict(inputs=data['inputs'][:1])
    assert torch.equal(
        JointDataPreprocessor(**VALUES)(tested)['inputs'],
        SegDataPreProcessor(**VALUES)(tested)['inputs'],
    )


@pytest.mark.parametrize('values', [VALUES, dict(size_divisor=1)])
def test_the_unit_range_is_that_of_the_pixels(values):
    data, preprocessor = batch(), JointDataPreprocessor(**values)
    images = preprocessor(copy.deepcopy(data), training=True)['inputs']['source']
    pixels = data['inputs'][:1]
    pixels = torch.stack([image.flip(0) for image in pixels] if 'mean' in values else pixels)
    unit = preprocessor.to_unit_range(images)
    torch.testing.assert_close(unit, pixels / 127.5 - 1, rtol=0, atol=1e-5)
    torch.testing.assert_close(preprocessor.from_unit_range(unit), images, rtol=0, atol=1e-3)


def test_labels_sent_as_bytes_become_class_numbers_again():
    data = batch()
    labels = [sample.gt_sem_seg.data for sample in data['data_samples']]
    sent = copy.deepcopy(data)
    sent['data_samples'][0].gt_sem_seg.data = labels[0].to(torch.uint8)
    got = JointDataPreprocessor(**VALUES)(sent, training=True)['data_samples']
    expected = JointDataPreprocessor(**VALUES)(data, training=True)['data_samples']
    for domain, samples in expected.items():
        for ours, theirs in zip(got[domain], samples, strict=True):
            assert ours.gt_sem_seg.data.dtype == torch.int64
            assert torch.equal(ours.gt_sem_seg.data, theirs.gt_sem_seg.data)


def test_labels_within_samples_are_pinned_too(monkeypatch):
    pinned = []
    monkeypatch.setattr(torch.Tensor, 'is_pinned', lambda self: any(self is x for x in pinned))
    monkeypatch.setattr(
        torch.Tensor, 'pin_memory', lambda self: pinned.append(self.clone()) or pinned[-1]
    )
    data = batch()
    sample = data['data_samples'][0]
    label = sample.gt_sem_seg.data.clone()
    for _ in range(2):  # the second time changes nothing
        assert _pinned(sample) is sample
        assert sample.gt_sem_seg.data is pinned[0] and len(pinned) == 1
    assert torch.equal(sample.gt_sem_seg.data, label)
    assert _pinned(data['inputs'][0]) is pinned[1]
