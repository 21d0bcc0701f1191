from __future__ import annotations

import numpy as np
import pytest
from mmseg.registry import DATASETS
from PIL import Image

from mmseg_joint.datasets.label_maps import CARLA_TO_CITYSCAPES_IDS, GTA_IDS
from mmseg_joint.errors import JointError
from tests.tools.loading import load_tool


@pytest.fixture(scope='module')
def tool():
    return load_tool('dataset_converters/carla_to_gta')


@pytest.fixture
def carla(tmp_path):
    rng = np.random.RandomState(0)
    for folder in ('images', 'labelIds'):
        (tmp_path / 'carla' / folder).mkdir(parents=True)
    tags = rng.randint(0, 29, (20, 30)).astype(np.uint8)
    image = rng.randint(0, 256, (20, 30, 3)).astype(np.uint8)
    Image.fromarray(image).save(tmp_path / 'carla/images/a.png')
    Image.fromarray(tags).save(tmp_path / 'carla/labelIds/a.png')
    return tmp_path / 'carla', image, tags


def test_gta_dataset_reads_what_it_writes(tool, carla, tmp_path, pipeline):
    source, image, tags = carla
    assert tool.convert(source, tmp_path / 'out') == 1
    label = Image.open(tmp_path / 'out/labels/a.png')
    assert label.mode == 'P'
    raw = np.vectorize(CARLA_TO_CITYSCAPES_IDS.get)(tags)
    np.testing.assert_array_equal(np.array(label), raw)
    # the colors are Cityscapes': tag 14 is a car, tag 0 nothing
    colors = np.array(label.convert('RGB'))
    assert (colors[tags == 14] == (0, 0, 142)).all() and (colors[tags == 0] == 0).all()
    cfg = {'type': 'GTADataset', 'data_root': str(tmp_path / 'out'), 'pipeline': pipeline()}
    sample = DATASETS.build(cfg)[0]
    np.testing.assert_array_equal(sample['inputs'].permute(1, 2, 0)[..., [2, 1, 0]], image)
    wanted = np.vectorize(GTA_IDS.get)(raw)
    np.testing.assert_array_equal(sample['data_samples'].gt_sem_seg.data[0], wanted)


def test_refuses_bad_labels(tool, carla, tmp_path):
    source, _, tags = carla
    path = source / 'labelIds/a.png'
    Image.fromarray(tags + 20).save(path)
    with pytest.raises(JointError, match=rf"'{path}' holds the values \[29, 30, .*0 to 28"):
        tool.convert(source, tmp_path / 'out')
    Image.fromarray(tags[:10]).save(path)
    with pytest.raises(JointError, match=rf"'{path}' has 30x10 .* 30x20"):
        tool.convert(source, tmp_path / 'out')
