"""Tiny datasets in the layouts of the real ones: seeded noise with rectangles, made here."""

from __future__ import annotations

import logging
import os
import runpy
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.registry import init_default_scope
from PIL import Image

from mmseg_joint import setup
from mmseg_joint.checkpoints import pretrained
from mmseg_joint.datasets.label_maps import (
    CAMVID_CLASSES,
    CAMVID_PALETTE,
    CITYSCAPES_CLASSES,
    CITYSCAPES_PALETTE,
    GTA_IDS,
    SYNTHIA_IDS,
)
from mmseg_joint.writing.label_folder import LabelFolder
from tests.shortcuts import take_shortcuts
from tests.tools.fork_server import CommandLines, Ended


def pytest_collection_modifyitems(items):
    if find_spec('timm') is None:
        skip = pytest.mark.skip(reason='timm is not installed (make test-timm)')
        for item in items:
            if 'timm' in item.keywords:
                item.add_marker(skip)


@pytest.fixture(scope='session', autouse=True)
def _mmseg_scope(tmp_path_factory):
    init_default_scope('mmseg')
    setup()  # as the tools do
    logging.raiseExceptions = (
        False  # mmengine's loggers outlive the stream of the test that created them
    )
    os.environ['OMP_NUM_THREADS'] = '1'  # for the tools that tests start
    os.environ['XDG_CACHE_HOME'] = str(tmp_path_factory.mktemp('cache'))  # not the user's own
    take_shortcuts()


@pytest.fixture(scope='session')
def lines():
    """Runs command lines in forks of one process."""
    if not hasattr(os, 'fork'):
        pytest.skip('needs os.fork')
    with CommandLines() as server:
        yield server


@pytest.fixture
def call(monkeypatch, capsys):
    """Runs a tool in this process."""

    def run(tool, *arguments) -> Ended:
        monkeypatch.setattr(sys, 'argv', [str(tool), *map(str, arguments)])
        capsys.readouterr()
        status = 0
        try:
            runpy.run_path(str(tool), run_name='__main__')
        except SystemExit as stop:
            status = stop.code
        return Ended(status, *capsys.readouterr())

    return run


@pytest.fixture
def logged(monkeypatch):
    """What is logged about pretrained weights."""
    lines = []
    monkeypatch.setattr(
        pretrained, 'print_log', lambda message, logger, level: lines.append((level, message))
    )
    return lines


@pytest.fixture(scope='session')
def tables():
    """The project's tables by id; a row's config is read once."""
    from tests.tables.project import TABLES  # reads them

    return {table.id: table for table in TABLES}


def scene(seed: int, ids, height: int, width: int):
    """Draw a noise image (H, W, 3) and its ids (H, W), with one rectangle per id in both."""
    rng = np.random.RandomState(seed)
    ids = list(ids)
    labels = np.full((height, width), ids[seed % len(ids)], dtype=np.uint8)
    image = rng.randint(0, 60, (height, width, 3))
    for value in ids:
        y, x = rng.randint(0, height - 6), rng.randint(0, width - 6)
        labels[y : y + 6, x : x + 6] = value
        image[y : y + 6, x : x + 6] += 5 * int(value) % 190
    return image.astype(np.uint8), labels


def save_palette(labels: np.ndarray, path: Path) -> None:
    image = Image.fromarray(labels)
    image.putpalette(np.random.RandomState(0).randint(0, 256, 768).tolist())
    image.save(path)


def save_synthia(labels: np.ndarray, path: Path) -> None:
    instances = np.arange(labels.size).reshape(labels.shape) % 4000
    red_first = np.stack([labels, instances, np.zeros_like(labels)], axis=-1)
    cv2.imwrite(str(path), red_first[..., ::-1].astype(np.uint16))


def _write(root, count, ids, image_path, label_path, save_label, height, width, first=0):
    """Writes the pairs and returns path stem → raw ids."""
    written = {}
    for i in range(count):
        pixels, labels = scene(first + i, ids, height, width)
        image, label = root / image_path.format(i), root / label_path.format(i)
        for path in (image, label):
            path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(image)
        save_label(labels, label)
        written[str(image)] = labels
    return written


def write_city(root: Path, city: str = 'Rome', suffixes=('.png', '.jpg', '.png')):
    """A tiny city in NTHU's layout. Returns image name → raw ids."""
    for folder in ('Images/Train', 'Images/Test', 'Labels/Test'):
        (root / city / folder).mkdir(parents=True)
    written = {}
    for i, suffix in enumerate(suffixes):
        image, labels = scene(i, [*range(34), 255], 32, 40)
        name = f'pano_{i:05d}_0_180'
        for split in ('Train', 'Test'):
            Image.fromarray(image).save(root / city / f'Images/{split}/{name}{suffix}')
        Image.fromarray(labels).save(root / city / f'Labels/Test/{name}_eval.png')
        for other in ('bgr', 'city', 'visual'):
            Image.fromarray(image).save(root / city / f'Labels/Test/{name}_{other}.png')
        written[name + suffix] = labels
    return written


def write_gta_files(root: Path, count: int = 3, height: int = 32, width: int = 40, ids=GTA_IDS):
    """``images/00001.png``, ``labels/00001.png``: palette PNGs of raw ids 0-34."""
    names = 'images/{:05d}.png', 'labels/{:05d}.png'
    return _write(root, count, ids, *names, save_palette, height, width)


@pytest.fixture
def write_gta():
    return write_gta_files


def write_synthia_files(root: Path, count: int = 3, height: int = 32, width: int = 40):
    """``RGB/0000001.png``, ``GT/LABELS/0000001.png``: 16 bits, class in red, instance in green."""
    names = 'RGB/{:07d}.png', 'GT/LABELS/{:07d}.png'
    return _write(root, count, SYNTHIA_IDS, *names, save_synthia, height, width)


@pytest.fixture
def write_synthia():
    return write_synthia_files


def write_cityscapes_files(
    root: Path, count: int = 3, split: str = 'train', height: int = 32, width: int = 40
):
    """Writes the official folders, with ``labelIds`` only."""
    stem = split + '/aachen/aachen_{:06d}_000019_'
    names = (
        'leftImg8bit/' + stem + 'leftImg8bit.png',
        'gtFine/' + stem + 'gtFine_labelIds.png',
    )
    save = lambda labels, path: Image.fromarray(labels).save(path)  # noqa: E731
    first = 0 if split == 'train' else 1000  # no image is in two splits
    return _write(root, count, range(34), *names, save, height, width, first)


@pytest.fixture
def write_cityscapes():
    return write_cityscapes_files


def write_camvid_files(root: Path, count: int = 3, split: str = 'train', suffix: str = '.jpg'):
    """``images/train/*.jpg``, ``labels/train/*.png`` with 0-10 and 255."""
    names = f'images/{split}/0001TP_{{:06d}}{suffix}', f'labels/{split}/0001TP_{{:06d}}.png'
    save = lambda labels, path: Image.fromarray(labels).save(path)  # noqa: E731
    first = 0 if split == 'train' else 1000
    return _write(root, count, [*range(11), 255], *names, save, 36, 48, first)


@pytest.fixture
def write_camvid():
    return write_camvid_files


def write_train_id_files(root: Path, count: int = 3, split: str = 'train'):
    """``images/train/*.jpg``, ``labels/train/*.png`` with 0-18 and 255."""
    names = f'images/{split}/{{:d}}.jpg', f'labels/{split}/{{:d}}.png'
    save = lambda labels, path: Image.fromarray(labels).save(path)  # noqa: E731
    first = 0 if split == 'train' else 1000
    return _write(root, count, [*range(19), 255], *names, save, 36, 48, first)


@pytest.fixture
def write_train_ids():
    return write_train_id_files


@pytest.fixture
def pipeline():
    """Loads and packs, with our loaders."""

    def make(labels: str = 'LoadMappedAnnotations', *steps: dict):
        return [
            {'type': 'LoadCheckedImage'},
            {'type': labels},
            *steps,
            {'type': 'PackSegInputs'},
        ]

    return make


def write_written(root: Path, classes: tuple, palette: list) -> Path:
    """Writes what tools/pseudo_labels.py and tools/translate.py write."""
    folder = LabelFolder(root, classes, palette)
    (root / 'images').mkdir()
    for i in range(3):
        image, labels = scene(i, [*range(len(classes)), 255], 60, 80)
        Image.fromarray(image).save(root / f'images/{i}.png')
        folder.write_label(str(i), labels)
    folder.finish(str(root / 'images'), '.png', ['0', '1', '2'])
    return root


@pytest.fixture(scope='session')
def drawn_roots(tmp_path_factory) -> Path:
    """A tiny dataset of each type, drawn once."""
    root = tmp_path_factory.mktemp('roots')
    write_gta_files(root / 'gta', height=60, width=80)
    write_synthia_files(root / 'synthia', height=60, width=80)
    for city in ('Rome', 'Rio', 'Tokyo', 'Taipei'):
        write_city(root / 'nthu', city)
    for split in ('train', 'val'):
        write_cityscapes_files(root / 'city', split=split, height=60, width=80)
        write_camvid_files(root / 'camvid', split=split)
        write_train_id_files(root / 'train_ids', split=split)
    write_written(root / 'written_19', CITYSCAPES_CLASSES, CITYSCAPES_PALETTE)
    write_written(root / 'written_11', CAMVID_CLASSES, CAMVID_PALETTE)
    return root


def roots_in(root: Path) -> dict[str, Path]:
    """Maps dataset types to the folders of tiny ones, for :func:`tests.tiny_configs.tiny`."""
    return {
        'WrittenDataset': root / 'written_19',
        'WrittenDataset11': root / 'written_11',
        'GTADataset': root / 'gta',
        'SynthiaDataset': root / 'synthia',
        'CityscapesIdsDataset': root / 'city',
        'NTHUDataset': root / 'nthu',
        'CamVidDataset': root / 'camvid',
        'CityscapesTrainIdsDataset': root / 'train_ids',
    }


@pytest.fixture
def roots(tmp_path, drawn_roots):
    """What :func:`roots_in` returns, for copies that the test may change."""
    return roots_in(shutil.copytree(drawn_roots, tmp_path, dirs_exist_ok=True))
