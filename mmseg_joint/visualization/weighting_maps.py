from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS
from torch import nn

from mmseg_joint.datasets import SampleRequest
from mmseg_joint.engine.config_file import config_value, objective_name
from mmseg_joint.errors import JointError
from mmseg_joint.models.losses.weighting_maps import weighting_map
from mmseg_joint.models.objectives import HierarchicalWeighting, full_precision
from mmseg_joint.models.segmentors.running import evaluation_mode

from .figures import MAP_COLORS, NO_VALUE, caption, choose_images, draw_scale, image_grid, to_rgb

SOURCE = 'train_dataloader.dataset.domains.source'
FOOTER = 0.42  # inches, for the color bar


@dataclass
class WeightedImage:
    """A source image and the weights of its pixels."""

    image: np.ndarray  #: (H, W, 3), `uint8`, red first
    total: np.ndarray  #: H of Eq. 4, (H, W); NaN where the label is ignored
    levels: dict[str, np.ndarray]  #: level -> H_k of Eq. 3 at every pixel, (H, W); NaN likewise
    labels: np.ndarray  #: class of each pixel, (H, W), integers
    prediction: np.ndarray  #: predicted class of each pixel, (H, W), integers


def source_samples(cfg: Config, count: int, seed: int) -> tuple[list[dict], list[str]]:
    """Load packed source images as training would, chosen by the seed; also return the classes.

    Raises:
        JointError: When the config has no source.
    """
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    config = {'type': 'JointDataset', 'domains': {'source': config_value(cfg, SOURCE)}}
    dataset = DATASETS.build(config)
    chosen = choose_images(len(dataset), count, seed)
    draws = [SampleRequest('source', index, i, 0, 1, seed) for i, index in enumerate(chosen)]
    return [dataset[draw] for draw in draws], list(dataset.metainfo['classes'])


def weighting_name(cfg: Config) -> str:
    """Return the name of the objective that weights source pixels; refuse a config without one."""
    remedy = 'only the hrs_*.py configs and the like have weighting maps, so give one of them'
    return objective_name(cfg, HierarchicalWeighting, remedy)


@torch.no_grad()
def weigh_image(model: nn.Module, packed: dict, name: str = 'weighting') -> WeightedImage:
    """Compute the weights that a source image gets in training, without dropout.

    Args:
        model: A :class:`JointEncoderDecoder`; its mode is restored afterwards.
        packed: A sample as the data pipeline packs it: `inputs` (3, H, W) and `data_samples`.
        name: The weighting objective's name in the model.

    Raises:
        JointError: When the sample has no label.
    """
    if 'gt_sem_seg' not in packed['data_samples']:
        path = packed['data_samples'].metainfo.get('img_path', 'A source image')
        raise JointError(f'{path} has no label: load annotations in the pipeline of the source.')
    objective = model.objectives[name]
    with evaluation_mode([model]):
        batch = {'inputs': [packed['inputs']], 'data_samples': [packed['data_samples']]}
        batch = model.data_preprocessor(batch, training=True)
        (inputs,), (samples,) = batch['inputs'].values(), batch['data_samples'].values()
        meta = {'img_shape': inputs.shape[-2:], 'pad_shape': inputs.shape[-2:]}
        logits = model.encode_decode(inputs, [meta])
        scores = objective.score(full_precision(logits).softmax(dim=1))
    labels = samples[0].gt_sem_seg.data
    height, width = packed['inputs'].shape[-2:]

    def read(levels: Sequence[str]) -> np.ndarray:
        chosen = {level: scores[level] for level in levels}
        weights = weighting_map(chosen, labels, objective.ignore_index)
        weights = weights.masked_fill(labels == objective.ignore_index, torch.nan)
        return weights[0, :height, :width].cpu().numpy()

    return WeightedImage(
        image=to_rgb(packed['inputs']),
        total=read(list(scores)),
        levels={level: read([level]) for level in scores},
        labels=labels[0, :height, :width].cpu().numpy(),
        prediction=logits.argmax(dim=1)[0, :height, :width].cpu().numpy(),
    )


def draw_weighting_maps(images: Sequence[WeightedImage], per_class: bool = False) -> Figure:
    """Draw Fig. 4 of the HRS paper: image, hierarchical map, map of each level.

    The figure's axes are ordered row by row, followed by the color bar's.
    """
    levels = list(images[0].levels)
    aspect = max(row.image.shape[0] / row.image.shape[1] for row in images)
    titles = ['source image', 'weight H', *(f'{level} level' for level in levels)]
    figure, grid = image_grid(len(images), titles, aspect, FOOTER)
    colors, norm = _scale(len(levels))
    for axes, row in zip(grid, images):
        axes[0].imshow(row.image, interpolation='antialiased')
        # draw class outlines on the map, since its colors belong to the scale
        axes[1].imshow(_outlines(row), zorder=2, interpolation='nearest')
        for panel, weights in zip(axes[1:], [row.total, *row.levels.values()]):
            panel.imshow(weights, cmap=colors, norm=norm, zorder=1, interpolation='nearest')
            labeled = weights[~np.isnan(weights)]
            mean = f'mean {labeled.mean():.2f}' if labeled.size else 'all ignored'
            caption(panel, mean)
    ticks = {str(Fraction(n, len(levels))): n / len(levels) for n in range(len(levels) + 1)}
    how = "weight of a pixel (its own class's map)" if per_class else 'weight of a pixel'
    bottom = 0.24 / figure.get_figheight()
    draw_scale(figure, bottom, ScalarMappable(norm, colors), ticks, how, 'no label')
    return figure


def _outlines(row: WeightedImage) -> np.ndarray:
    """Draw class borders (right or below differs): white on dark, else black; (H, W, 4)."""
    labels, edges = row.labels, np.zeros((*row.labels.shape, 4))
    edges[..., :3] = (np.nan_to_num(row.total) < 0.5)[..., None]
    edges[:-1, :, 3] = labels[1:] != labels[:-1]
    edges[:, :-1, 3] += labels[:, 1:] != labels[:, :-1]
    return edges.clip(max=1)


def _scale(levels: int) -> tuple[ListedColormap, BoundaryNorm]:
    """Return one color for each weight that `levels` votes can give."""
    shades = MAP_COLORS(np.linspace(0, 1, levels + 1))
    colors = ListedColormap(shades).with_extremes(bad=NO_VALUE)
    return colors, BoundaryNorm((np.arange(levels + 2) - 0.5) / levels, levels + 1)
