"""tools/pseudo_labels.py from a checkpoint to a dataset that trains."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmseg.registry import DATASETS, MODELS
from PIL import Image
from torch import nn

from mmseg_joint.engine.config_file import read_config
from mmseg_joint.errors import JointError
from mmseg_joint.writing.label_folder import LabelFolder
from mmseg_joint.writing.pseudo_labels import probabilities, write_pseudo_labels
from tests.conftest import write_city
from tests.tiny_configs import ROOT, tiny

TOOL = ROOT / 'tools/pseudo_labels.py'
NAMES = ['a', 'b', 'c']
COLORS = [[0, 0, 0], [9, 9, 9], [90, 90, 90]]


@pytest.fixture
def trained(roots, tmp_path):
    """Write a config and a checkpoint of random weights."""
    cfg = tiny(ROOT / 'configs/maxsquare_squeezenet_streets_camvid.py', roots, tmp_path / 'work')
    cfg.model.objectives = cfg.stages = None
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    for convolution in model.decode_head.modules():
        if isinstance(convolution, nn.Conv2d):
            nn.init.normal_(convolution.weight, std=0.5)
    torch.save({'state_dict': model.state_dict(), 'meta': {}}, tmp_path / 'a.pth')
    path = tmp_path / 'config.py'
    cfg.dump(path)
    return path, tmp_path / 'a.pth', model.eval().requires_grad_(False)


def predicted(model, cfg):
    """Labels and confidences by hand, in the images' order."""
    images = cfg.train_dataloader.dataset.domains.unlabeled
    steps = [s for s in cfg.test_dataloader.dataset.pipeline if 'Annotations' not in s['type']]
    dataset = DATASETS.build({**images, 'labeled': False, 'pipeline': steps})
    for packed in dataset:
        batch = {key: [value] for key, value in packed.items()}
        scores = model.test_step(batch)[0].seg_logits.data.double()
        confidence, labels = (scores.exp() / scores.exp().sum(0)).max(0)
        yield confidence.numpy(), labels.numpy()


def test_labels_are_the_confident_predictions(trained, tmp_path, call):
    config, checkpoint, model = trained
    out = tmp_path / 'pseudo'
    arguments = (config, checkpoint, '--out', out, '--cap', 0.3, '--workers', 0)
    status, printed, _ = call(TOOL, *arguments)
    assert status == 0
    assert f"data_root='{out}'" in printed and '3 labels' in printed
    cfg = read_config(str(config))
    by_hand = list(predicted(model, cfg))
    thresholds = {}
    for c in range(11):
        values = np.sort(np.concatenate([p[label == c] for p, label in by_hand]))
        middle = min(int(np.round(len(values) * 0.5)), len(values) - 1)
        thresholds[c] = min(0.3, values[middle]) if len(values) else 0.3
    reported = json.loads((out / 'dataset.json').read_text())['thresholds']
    for row, wanted in zip(reported, thresholds.values()):
        assert row['threshold'] == pytest.approx(wanted, abs=1.01e-4)
    assert min(thresholds.values()) < 0.3
    pipeline = [
        dict(type='LoadCheckedImage'),
        dict(type='LoadMappedAnnotations'),
        dict(type='PackSegInputs'),
    ]
    dataset = DATASETS.build(
        dict(type='WrittenDataset', data_root=str(out), img_path=None, pipeline=pipeline)
    )
    assert dataset.metainfo['classes'] == tuple(row['class'] for row in reported)
    assert len(dataset) == 3 and not (out / '.unfinished').exists()
    found = [packed['data_samples'].gt_sem_seg.data[0].numpy() for packed in dataset]
    kept = np.concatenate([got.ravel() for got in found])
    labels = np.concatenate([label.ravel() for _, label in by_hand])
    for c, row in enumerate(reported):
        assert row['predicted'] == pytest.approx((labels == c).mean(), abs=1e-4)
        if (labels == c).any():
            assert row['kept'] == pytest.approx((kept[labels == c] == c).mean(), abs=1e-4)
    for packed, got, (p, label) in zip(dataset, found, by_hand):
        limit = np.vectorize(thresholds.get)(label)
        assert (got[p > limit + 2e-4] == label[p > limit + 2e-4]).all()
        assert (got[p < limit - 2e-4] == 255).all() and (got == 255).any()
        path = packed['data_samples'].metainfo['seg_map_path']
        assert Image.open(path).mode == 'P'


def test_a_folder_of_images_and_one_threshold(trained, roots, tmp_path, call):
    config, checkpoint, _ = trained
    out, images = tmp_path / 'pseudo', roots['CityscapesIdsDataset'] / 'leftImg8bit/train'
    arguments = (config, checkpoint, '--out', out, '--images', images, '--workers', 0)
    assert call(TOOL, *arguments, '--quantile', 1, '--cap', 0).status == 0
    names = (out / 'images.txt').read_text().split()
    assert names[0] == 'aachen/aachen_000000_000019_leftImg8bit' and len(names) == 3
    label = np.asarray(Image.open(out / f'labels/{names[0]}.png'))
    assert label.shape == (60, 80) and label.max() < 11  # all pixels are kept
    # a second call replaces it only on request
    assert call(TOOL, *arguments).status == 2
    assert call(TOOL, *arguments, '--force').status == 0
    assert call(TOOL, *arguments[:-4], '--images', tmp_path / 'gta', '--suffix', '.tif').status == 2
    images.rename(tmp_path / 'moved')
    written = dict(type='WrittenDataset', data_root=str(out), img_path=str(tmp_path / 'moved'))
    assert (
        DATASETS.build(written).get_data_info(0)['img_path'] == f'{tmp_path}/moved/{names[0]}.png'
    )


def test_a_folder_with_pngs_and_jpegs(trained, tmp_path):
    written = write_city(tmp_path)  # a PNG, a JPEG and a PNG
    steps = [dict(type='LoadCheckedImage'), dict(type='PackSegInputs')]
    images = dict(type='NTHUDataset', city='Rome', data_root=str(tmp_path), labeled=False)
    dataset = DATASETS.build({**images, 'pipeline': steps})
    folder = LabelFolder(tmp_path / 'pseudo', [str(c) for c in range(11)], [[0, 0, 0]] * 11)
    write_pseudo_labels(trained[2], dataset, folder)
    again = DATASETS.build(dict(type='WrittenDataset', data_root=str(folder.path)))
    infos = [again.get_data_info(index) for index in range(3)]
    assert [Path(info['img_path']).name for info in infos] == sorted(written)
    assert all(Path(info['seg_map_path']).is_file() for info in infos)


def test_an_incomplete_folder_is_not_a_dataset(tmp_path):
    folder = LabelFolder(tmp_path / 'a', NAMES, COLORS)
    folder.write_label('x/y', np.array([[0, 1], [2, 255]], dtype=np.uint8))
    with pytest.raises(JointError, match='run the tool that writes it'):
        DATASETS.build(dict(type='WrittenDataset', data_root=str(folder.path)))
    again = LabelFolder(tmp_path / 'a', NAMES, COLORS)  # what a killed call left behind
    assert not (again.path / 'labels').exists()
    again.finish(str(tmp_path), '.png', [])
    with pytest.raises(JointError, match='holds a dataset already'):
        LabelFolder(tmp_path / 'a', NAMES, COLORS)
    (tmp_path / 'a/images').mkdir()
    replaced = LabelFolder(tmp_path / 'a', NAMES, COLORS, force=True)
    with pytest.raises(JointError, match='run the tool that writes it'):
        DATASETS.build(dict(type='WrittenDataset', data_root=str(replaced.path)))
    assert not (replaced.path / 'images').exists()
    (tmp_path / 'b').mkdir()
    (tmp_path / 'b/thesis.txt').touch()
    with pytest.raises(JointError, match='holds something other'):
        LabelFolder(tmp_path / 'b', NAMES, COLORS, force=True)


def test_probabilities_of_both_kinds_of_heads():
    scores = torch.randn(3, 2, 2)
    logits = MODELS.build(dict(type='FCNHead', in_channels=2, channels=2, num_classes=3))
    model = nn.Module()
    model.decode_head = nn.ModuleList([nn.Identity(), logits])
    torch.testing.assert_close(probabilities(model, scores), scores.softmax(0))
    model.decode_head = nn.Identity()  # a mask head: sums of probabilities
    sums = torch.tensor([[[0.2, 0.0]], [[0.6, 0.0]], [[0.2, 0.1]]])
    wanted = torch.tensor([[[0.2, 0.0]], [[0.6, 0.0]], [[0.2, 1.0]]])
    torch.testing.assert_close(probabilities(model, sums), wanted)


def test_probabilities_of_a_head_with_one_channel_for_two_classes():
    model = MODELS.build(
        dict(
            type='EncoderDecoder',
            backbone=dict(type='ResNetV1c', depth=18, base_channels=4, stem_channels=4),
            decode_head=dict(
                **dict(type='FCNHead', in_channels=32, channels=4, num_convs=1, concat_input=False),
                **dict(num_classes=2, out_channels=1, threshold=0.5, in_index=3),
                loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=True),
            ),
        )
    ).eval()
    (sample,) = model.postprocess_result(torch.linspace(-2, 2, 12).reshape(1, 1, 3, 4))
    found = probabilities(model, sample.seg_logits.data)
    torch.testing.assert_close(found.sum(0), torch.ones(found.shape[1:]))
    assert torch.equal(found.argmax(0), sample.pred_sem_seg.data[0].long())
    assert len(found.argmax(0).unique()) == 2


def test_a_folder_of_images_with_any_suffix(trained, roots, tmp_path, call):
    config, checkpoint, _ = trained
    out, images = tmp_path / 'pseudo', roots['GTADataset'] / 'images'
    arguments = (config, checkpoint, '--out', out, '--images', images, '--workers', 0)
    assert call(TOOL, *arguments, '--suffix', '').status == 0
    dataset = DATASETS.build(dict(type='WrittenDataset', data_root=str(out)))
    paths = [Path(dataset.get_data_info(index)['img_path']).resolve() for index in range(3)]
    assert paths == sorted(images.resolve().iterdir())
    assert len([*out.glob('labels/*.png')]) == 3
