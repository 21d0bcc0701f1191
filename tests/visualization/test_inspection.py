from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from mmseg_joint.visualization.inspection import file_of, inspect_samples
from tests.tiny import HRS, MODEL, batch, build

SIZE = 40, 70


def packed(domains=('source', 'target')):
    data = batch(domains=domains, size=SIZE)
    data['data_samples'][0].set_metainfo({'img_path': 'a/b.png'})
    samples = zip(data['inputs'], data['data_samples'])
    return {
        domain: {'inputs': inputs, 'data_samples': sample}
        for domain, (inputs, sample) in zip(domains, samples)
    }


@pytest.mark.parametrize('blue_first', [False, True])
def test_image_label_prediction_and_confidence(blue_first):
    # padding, which is cropped again
    changes = dict(size_divisor=32, bgr_to_rgb=not blue_first)
    model = build(data_preprocessor=dict(MODEL.data_preprocessor, **changes))
    torch.nn.init.normal_(model.decode_head.conv_seg.weight)
    sample = packed(('target',))
    before = copy.deepcopy(sample['target']['data_samples'].gt_sem_seg.data)
    inspection = inspect_samples(model.eval(), sample)['target']
    assert list(inspection) == ['image', 'label', 'prediction', 'confidence']
    image = sample['target']['inputs'].permute(1, 2, 0).flip(-1).numpy()
    np.testing.assert_allclose(inspection['image'], image, atol=1)
    assert inspection['image'].dtype == np.uint8
    np.testing.assert_array_equal(inspection['label'], before[0])
    assert torch.equal(sample['target']['data_samples'].gt_sem_seg.data, before)  # not padded

    data = model.data_preprocessor({k: [v] for k, v in sample['target'].items()}, training=True)
    with torch.no_grad():
        outputs, _ = model.inspect_batch(data['inputs'], data['data_samples'])
    probabilities = outputs['target'].logits.softmax(dim=1)[0, :, : SIZE[0], : SIZE[1]]
    np.testing.assert_array_equal(inspection['prediction'], probabilities.argmax(dim=0))
    np.testing.assert_allclose(inspection['confidence'], probabilities.amax(dim=0), rtol=1e-6)


def test_domains_without_label_and_domains_that_are_made():
    pixelda = dict(
        type='PixelDA',
        generator=dict(channels=4, num_blocks=1),
        discriminator=dict(channels=(4, 4)),
    )
    model = build({'pixelda': pixelda}).eval()
    inspections = inspect_samples(model, packed(('source', 'target', 'unlabeled')))
    assert list(inspections) == ['source', 'target', 'unlabeled', 'translated']
    assert 'label' not in inspections['unlabeled']
    np.testing.assert_array_equal(
        inspections['translated']['label'], inspections['source']['label']
    )
    made = inspections['translated']['image']
    np.testing.assert_allclose(
        made, inspections['source']['pixelda: translated'].astype(int), atol=1
    )
    assert {
        value.shape[:2] for inspection in inspections.values() for value in inspection.values()
    } == {SIZE}


def test_maps_of_any_size_are_enlarged():
    model = build(HRS).eval()
    objective = model.objectives['gan']
    shown = {
        'classes': torch.tensor([[[3, -1], [0, 4]]]),
        'mask': torch.tensor([[[True, False]]]),
        'values': torch.tensor([[[0.25], [torch.nan]]]),
        'image': torch.tensor([-1.0, 0.0, 1.0]).view(1, 3, 1, 1),
    }
    objective.visualize = lambda outputs: {'source': shown}
    inspection = inspect_samples(model, packed())['source']
    classes, mask, values, image = (inspection[f'gan: {title}'] for title in shown)
    assert classes.shape == mask.shape == values.shape == SIZE
    middle = SIZE[0] // 2, SIZE[1] // 2
    corners = [classes[y, x] for y in (0, -1) for x in (0, -1)]
    assert corners == [3, -1, 0, 4] and classes.dtype == np.int64
    assert classes[middle[0] - 1, middle[1]] == -1 and classes[middle] == 4
    assert mask[0].tolist() == [1.0] * 35 + [0.0] * 35
    assert values[0, 0] == 0.25 and np.isnan(values[-1]).all()
    assert image[0, 0].tolist() == [0, 128, 255]


def test_a_sample_is_named_after_its_file():
    samples = packed()
    assert file_of(samples['source']) == 'a/b.png'
    assert file_of(samples['target']) == ''
