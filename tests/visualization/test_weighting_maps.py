from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmseg_joint.errors import JointError
from mmseg_joint.models.losses import weighting_map
from mmseg_joint.visualization.weighting_maps import (
    WeightedImage,
    draw_weighting_maps,
    weigh_image,
    weighting_name,
)
from tests.tiny import HRS, MODEL, WEIGHTING, batch, build

HEIGHT, WIDTH = 64, 96


class HandSet(torch.nn.Module):
    """Scores chosen by hand instead of a weighting network's."""

    def __init__(self, scores):
        super().__init__()
        self.scores = scores

    def forward(self, probabilities):
        assert probabilities.shape[-2:] == (HEIGHT, WIDTH)
        torch.testing.assert_close(probabilities.sum(dim=1), torch.ones(1, HEIGHT, WIDTH))
        return self.scores


def hand_set_model(objective=WEIGHTING):
    """One map; target-like are the right half (pixel), the lower half (region), all (image)."""
    model = build({'weighting': dict(objective, per_class=False)})
    pixel, region = torch.zeros(1, 1, HEIGHT, WIDTH), torch.zeros(1, 1, HEIGHT // 8, WIDTH // 8)
    pixel[..., WIDTH // 2 :] = 0.2
    region[:, :, HEIGHT // 16 :] = 0.9
    scores = {'pixel': pixel, 'region': region, 'image': torch.tensor([[0.6]])}
    networks = model.objectives['weighting'].networks
    for level in networks:
        networks[level] = HandSet(scores[level])
    return model, scores


def packed(seed=0):
    data = batch(seed, domains=('source',), size=(HEIGHT, WIDTH))
    return {'inputs': data['inputs'][0], 'data_samples': data['data_samples'][0]}


def test_drawn_maps_are_the_weights_of_training():
    model, scores = hand_set_model()
    sample = packed()
    labels = sample['data_samples'].gt_sem_seg.data
    figure = draw_weighting_maps([weigh_image(model, sample)])
    assert len(figure.axes) == 5 + 1
    titles = [axes.get_title() for axes in figure.axes[:5]]
    assert titles == ['source image', 'weight H', 'pixel level', 'region level', 'image level']

    np.testing.assert_array_equal(
        figure.axes[0].images[0].get_array(), sample['inputs'].permute(1, 2, 0).flip(-1)
    )
    unknown = (labels[0] == 255).numpy()
    assert unknown.any() and not unknown.all()
    drawn = [axes.images[-1].get_array() for axes in figure.axes[1:5]]
    wanted = [weighting_map(scores, labels)[0].numpy()]
    wanted += [weighting_map({k: v}, labels)[0].numpy() for k, v in scores.items()]
    for image, weights in zip(drawn, wanted):
        np.testing.assert_array_equal(image.mask, unknown)
        np.testing.assert_array_equal(image.data[~unknown], weights[~unknown])
    corners = [drawn[0][y, x] for y, x in ((20, 0), (20, -1), (-1, 0), (-1, -1))]
    np.testing.assert_allclose(corners, [1 / 3, 2 / 3, 2 / 3, 1])
    assert figure.axes[2].get_xlabel() == 'mean 0.50'


def test_the_real_networks_give_what_the_objective_gives():
    model = build(HRS)  # one map per class, in training mode
    for network in model.objectives['weighting'].networks.values():
        torch.nn.init.normal_(list(network.parameters())[-2], std=2.0)
    data = batch(domains=('source', 'target'), size=(67, 90))
    source = {'inputs': data['inputs'][0], 'data_samples': data['data_samples'][0]}
    drawn = weigh_image(model, source)
    assert model.training
    data = model.data_preprocessor(data, training=True)
    outputs = model._forward_domains(data['inputs'], data['data_samples'])
    weights = model.objectives['weighting'](outputs).pixel_weights['source'][0].numpy()
    np.testing.assert_array_equal(np.nan_to_num(drawn.total), weights)
    assert len(np.unique(weights)) > 2


def test_dropout_is_off():
    model = build({'weighting': WEIGHTING}, backbone=dict(MODEL.backbone, dropout_ratio=0.9))
    seen = []
    model.backbone.register_forward_hook(lambda module, args, features: seen.append(features[-1]))
    for _ in range(2):
        weigh_image(model, packed())
    torch.testing.assert_close(seen[0], seen[1], rtol=0, atol=0)
    model.backbone(torch.rand(1, 3, 64, 64)), model.backbone(torch.rand(1, 3, 64, 64))
    assert (seen[2] == 0).float().mean() > (seen[0] == 0).float().mean()  # back in training


def test_padding_is_cropped():
    model = build({'weighting': WEIGHTING})
    model.data_preprocessor.size_divisor = 32
    data = batch(domains=('source',), size=(40, 70))
    drawn = weigh_image(
        model, {'inputs': data['inputs'][0], 'data_samples': data['data_samples'][0]}
    )
    assert drawn.total.shape == drawn.image.shape[:2] == (40, 70)


@pytest.mark.parametrize('levels', [('pixel',), ('region', 'image')])
def test_fewer_levels_have_fewer_weights(levels):
    model, _ = hand_set_model(dict(WEIGHTING, levels=levels))
    figure = draw_weighting_maps([weigh_image(model, packed(seed)) for seed in (0, 1)])
    assert len(figure.axes) == 2 * (2 + len(levels)) + 1
    ticks = [text.get_text() for text in figure.axes[-1].get_xticklabels()]
    assert ticks == (['0', '1'] if len(levels) == 1 else ['0', '1/2', '1'])


def test_each_weight_has_its_color_and_ignored_pixels_are_gray():
    weights = np.array([[0, 1 / 3, 2 / 3], [1, np.nan, 1]], dtype=np.float32)
    empty = np.zeros((2, 3), int)
    levels = dict.fromkeys('pri', weights)
    row = WeightedImage(np.zeros((2, 3, 3), np.uint8), weights, levels, empty, empty)
    figure = draw_weighting_maps([row])
    image = figure.axes[2].images[0]
    colors = image.to_rgba(image.get_array())
    distinct = {tuple(color) for color in colors.reshape(-1, 4)}
    assert len(distinct) == 5
    assert colors[1, 1].tolist() == [0.75, 0.75, 0.75, 1]
    assert figure.axes[-1].get_xticks().tolist() == pytest.approx([0, 1 / 3, 2 / 3, 1])


def test_an_image_without_label_is_refused():
    model, _ = hand_set_model()
    sample = SegDataSample(metainfo={'img_path': 'gta/1.png'})
    with pytest.raises(JointError, match=r'gta/1\.png has no label'):
        weigh_image(model, {'inputs': packed()['inputs'], 'data_samples': sample})
    unknown = SegDataSample(
        gt_sem_seg=PixelData(data=torch.full((1, HEIGHT, WIDTH), 255)), metainfo={}
    )
    row = weigh_image(model, {'inputs': packed()['inputs'], 'data_samples': unknown})
    assert draw_weighting_maps([row]).axes[1].get_xlabel() == 'all ignored'


def test_the_weighting_objective_is_found_under_any_name():
    cfg = Config({'model': copy.deepcopy(MODEL)})
    cfg.model.objectives = {'gan': HRS['gan'], 'hrs': WEIGHTING, 'gone': None}
    assert weighting_name(cfg) == 'hrs'
    cfg.model.objectives.hrs = None
    with pytest.raises(JointError, match=r'no HierarchicalWeighting in model\.objectives'):
        weighting_name(cfg)
