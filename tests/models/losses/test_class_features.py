from __future__ import annotations

import torch
from torch.nn.functional import interpolate

from mmseg_joint.models.losses.class_features import ABSENT, class_features, downsample_labels


def of_present_classes(features, labels, num_classes):
    vectors, classes = class_features(features, labels, num_classes)
    assert vectors.shape[:1] == classes.shape == (len(features) * num_classes,)
    assert not vectors[classes == ABSENT].any()
    return vectors[classes != ABSENT], classes[classes != ABSENT]


def reference(features, labels, num_classes):
    """Eq. 4, one image and class at a time."""
    vectors, classes = [], []
    for feature, label in zip(features, labels):
        for k in range(num_classes):
            if (label == k).any():
                vectors.append(feature[:, label == k].mean(dim=1))
                classes.append(k)
    return torch.stack(vectors), torch.tensor(classes)


def test_vectors_equal_equation_4_by_value_and_gradient():
    torch.manual_seed(0)
    features = torch.randn(2, 6, 5, 7, dtype=torch.float64, requires_grad=True)
    labels = torch.randint(0, 5, (2, 5, 7))
    labels[labels == 3] = 255  # class 3 is absent, and some positions have no class
    labels[1][labels[1] == 0] = -1
    labels[1][labels[1] == 4] = 2
    labels[1, 4, 6] = 4  # a class of a single position
    vectors, classes = of_present_classes(features, labels, num_classes=5)
    expected, expected_classes = reference(features, labels, 5)
    assert classes.tolist() == expected_classes.tolist()
    torch.testing.assert_close(vectors, expected)
    direction = torch.randn_like(vectors)
    (got,) = torch.autograd.grad(vectors, features, direction, retain_graph=True)
    (wanted,) = torch.autograd.grad(expected, features, direction)
    torch.testing.assert_close(got, wanted)


def test_no_class_gives_no_vector():
    features = torch.randn(1, 6, 2, 2, requires_grad=True)
    vectors, classes = of_present_classes(features, torch.full((1, 2, 2), 255), num_classes=5)
    assert vectors.shape == (0, 6) and classes.shape == (0,)
    vectors.sum().backward()
    assert not features.grad.any()


def test_averages_stay_exact_under_mixed_precision():
    features = torch.ones(1, 4, 64, 64) + 0.001
    with torch.autocast('cpu', torch.bfloat16):
        vectors, _ = of_present_classes(features, torch.zeros(1, 64, 64, dtype=torch.long), 3)
    # half precision would round each feature to 1
    torch.testing.assert_close(vectors, torch.full((1, 4), 1.001), rtol=0, atol=1e-4)


def test_labels_are_downsampled_by_nearest_neighbor():
    labels = torch.randint(0, 256, (2, 37, 50))
    for size in [(5, 7), (37, 50), (10, 50), (74, 100)]:
        nearest = interpolate(labels[:, None].double(), size=size, mode='nearest')[:, 0].long()
        assert torch.equal(downsample_labels(labels, torch.Size(size)), nearest)
