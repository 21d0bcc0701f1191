from __future__ import annotations

import math
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmseg.registry import DATASETS
from PIL import Image

from mmseg_joint.datasets.label_maps import CITYSCAPES_PALETTE, CITYSCAPES_TO_CAMVID
from mmseg_joint.errors import JointError
from tests.tools.loading import load_tool

TOOL = Path(__file__).parents[2] / 'tools/dataset_converters/pix2pix_cityscapes.py'
VOID = [(0, 0, 0), (111, 74, 0), (81, 0, 81), (250, 170, 160), (150, 120, 90)]  # Cityscapes' own


@pytest.fixture(scope='module')
def tool():
    return load_tool('dataset_converters/pix2pix_cityscapes')


def drawn_label(seed: int) -> np.ndarray:
    """Blobs and thin poles of all 19 classes and of the void, as ids (256, 256)."""
    rng = np.random.RandomState(seed)
    ids = np.zeros((256, 256), dtype=np.uint8)
    for index in rng.permutation(np.repeat([*range(19), *range(19, 19 + len(VOID))], 4)):
        center = tuple(int(value) for value in rng.randint(0, 256, 2))
        axes = tuple(int(value) for value in rng.randint(8, 40, 2))
        cv2.ellipse(ids, center, axes, rng.randint(180), 0, 360, int(index), thickness=-1)
    for x in rng.randint(0, 256, 6):
        cv2.line(ids, (int(x), 60), (int(x), 200), 5, thickness=2)  # poles
    return ids


def write_pairs(root: Path, count: int = 2, quality: int = 75) -> dict[str, np.ndarray]:
    """The download's layout. Returns split/name → ids, those above 18 are void."""
    colors = np.array([*CITYSCAPES_PALETTE, *VOID], dtype=np.uint8)
    drawn = {}
    for split in ('train', 'val'):
        (root / split).mkdir(parents=True)
        for number in range(1, count + 1):
            ids = drawn_label(number)
            y, x = np.mgrid[:256, :256]
            photo = np.stack([x, y, np.full_like(x, 40 * number)], axis=-1).astype(np.uint8)
            pair = Image.fromarray(np.concatenate([photo, colors[ids]], axis=1))
            pair.save(root / split / f'{number}.jpg', quality=quality)
            drawn[f'{split}/{number}'] = ids
    return drawn


def test_colors_against_a_search_pixel_by_pixel(tool):
    rng = np.random.RandomState(0)
    known = np.array(CITYSCAPES_PALETTE)[rng.randint(0, 19, 600)]
    near = np.clip(known + rng.randint(-20, 21, (600, 3)), 0, 255)
    colors = np.concatenate([rng.randint(0, 256, (200, 3)), near]).astype(np.uint8)
    # at 25 a pixel is still kept: (70 + 15, 70 + 20, 70) is that far from a building
    colors = np.concatenate([colors, np.array([[85, 90, 70], [85, 91, 70]], dtype=np.uint8)])
    got = tool.train_ids(colors.reshape(2, -1, 3)).ravel()
    for color, index in zip(colors.tolist(), got.tolist()):
        distances = [math.dist(color, other) for other in CITYSCAPES_PALETTE]
        wanted = distances.index(min(distances)) if min(distances) <= 25 else 255
        assert index == wanted, color
    assert got[-2:].tolist() == [2, 255] and 0.1 < (got == 255).mean() < 0.9


def test_the_last_cities_are_held_out(tool, tmp_path):
    write_pairs(tmp_path / 'download', count=1)
    for number in (2616, 2617, 2975):
        shutil.copy(tmp_path / 'download/train/1.jpg', tmp_path / f'download/train/{number}.jpg')
    tool.convert(tmp_path / 'download', tmp_path / 'out')
    for name, wanted in {'fit': ['1', '2616'], 'held_out': ['2617', '2975']}.items():
        dataset = DATASETS.build(
            dict(
                type='CityscapesTrainIdsDataset',
                data_root=str(tmp_path / 'out'),
                ann_file=f'{name}.txt',
                data_prefix=dict(img_path='images/train', seg_map_path='labels/train'),
            )
        )
        found = [Path(dataset.get_data_info(i)['img_path']).stem for i in range(len(dataset))]
        assert found == wanted


def test_the_labels_survive_the_compression(tool, tmp_path, pipeline):
    drawn = write_pairs(tmp_path / 'download')
    done = subprocess.run(
        [sys.executable, TOOL, tmp_path / 'download', tmp_path / 'out'],
        capture_output=True,
        text=True,
        cwd=TOOL.parents[2],
    )
    assert done.returncode == 0 and 'wrote 4 images' in done.stdout, done.stderr
    assert '4/4' in done.stderr  # the progress bar
    for name, ids in drawn.items():
        label = np.asarray(Image.open(tmp_path / f'out/labels/{name}.png'))
        assert label.dtype == np.uint8 and label.shape == (256, 256)
        kept, void = label != 255, ids > 18
        # more borders than a real label has, and on them a blend of two classes is a third one
        assert (label[kept] == ids[kept])[~void[kept]].mean() > 0.97
        assert kept[void].mean() < 0.1
        inside = cv2.erode((~void).astype(np.uint8), np.ones((9, 9)))  # away from the void …
        for index in range(19):  # … and from other classes
            inner = cv2.erode((ids == index).astype(np.uint8), np.ones((9, 9))) * inside > 0
            if inner.any():
                assert kept[inner].mean() > 0.9, index
                assert (label[inner & kept] == index).mean() > 0.95, (
                    index
                )  # bus and train are alike
        photo = np.asarray(Image.open(tmp_path / f'out/images/{name}.jpg'), dtype=int)
        given = Image.open(tmp_path / f'download/{name}.jpg').crop((0, 0, 256, 256))
        assert np.abs(photo - np.asarray(given, dtype=int)).mean() < 2
    cfg = {
        'type': 'CityscapesTrainIdsDataset',
        'data_root': str(tmp_path / 'out'),
        'protocol': 'camvid',
        'pipeline': pipeline(),
    }
    sample = DATASETS.build(cfg)[1]
    label = np.asarray(Image.open(tmp_path / 'out/labels/train/2.png'))
    to_camvid = np.vectorize({**CITYSCAPES_TO_CAMVID, 255: 255}.get)
    np.testing.assert_array_equal(sample['data_samples'].gt_sem_seg.data[0], to_camvid(label))


def test_bad_downloads_end_in_one_sentence(tool, tmp_path):
    write_pairs(tmp_path / 'download', count=1)
    with pytest.raises(JointError, match=r"no JPEGs in .*/nowhere/train': correct SRC"):
        tool.convert(tmp_path / 'nowhere', tmp_path / 'out')
    path = tmp_path / 'download/train/1.jpg'
    pair = np.asarray(Image.open(path))
    for spoil, message in [
        (lambda: Image.fromarray(pair[:, :256]).save(path), '256x256 pixels and is no pair'),
        (lambda: Image.fromarray(pair[:, ::-1] // 2 + 99).save(path), 'photo at the left'),
        (lambda: path.write_bytes(path.read_bytes()[:999]), 'broken or truncated'),
    ]:
        spoil()
        with pytest.raises(JointError, match=message):
            tool.convert(tmp_path / 'download', tmp_path / 'out')
