import random
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmseg.registry import DATASETS
from PIL import Image

from mmseg_joint.datasets.label_maps import (
    CITYSCAPES_CLASSES,
    CITYSCAPES_IDS,
    CITYSCAPES_PALETTE,
    SYNTHIA_IDS,
)
from mmseg_joint.errors import JointError
from mmseg_joint.streets import render_street, write_streets
from mmseg_joint.streets.camera import FAR, NEAR, Camera, clip_near
from mmseg_joint.streets.canvas import Canvas
from mmseg_joint.streets.finish import finish
from mmseg_joint.streets.layouts import LAYOUTS
from mmseg_joint.streets.light import draw_light
from mmseg_joint.streets.scene import Scene
from mmseg_joint.streets.styles import STYLES as STREET_STYLES

SMALL = (160, 120)
STYLES = ('rendered', 'camera')
TOOL = Path(__file__).parents[2] / 'tools/generate_streets.py'


def same(first, second):
    return all(np.array_equal(a, b) for a, b in zip(first, second))


def to_train(raw, ids):
    """Map raw ids to trainIds with the dataset's own map, one id at a time."""
    train = np.full(raw.shape, 254, np.uint8)
    for own, number in ids.items():
        train[raw == own] = number
    return train


@pytest.mark.parametrize('style', STYLES)
def test_a_street_depends_on_nothing_but_its_arguments(style):
    forwards = [render_street(3, index, SMALL, style) for index in range(3)]
    np.random.seed(99)
    backwards = [render_street(3, index, SMALL, style) for index in (2, 1, 0)]
    assert all(same(a, b) for a, b in zip(forwards, backwards[::-1]))


@pytest.mark.parametrize('style', STYLES)
def test_other_seeds_indices_and_styles_give_other_scenes(style):
    _, label = render_street(0, 0, SMALL, style)
    other = 'camera' if style == 'rendered' else 'rendered'
    for arguments in ((1, 0, SMALL, style), (0, 1, SMALL, style), (0, 0, SMALL, other)):
        _, changed = render_street(*arguments)
        # a redrawn texture would leave the label alone; another street does not
        assert (changed != label).mean() > 0.1
    assert same(render_street(0, 1, SMALL, style), render_street(0, 1, SMALL, style))


def test_global_random_states_are_left_alone():
    random.seed(5), np.random.seed(5), torch.manual_seed(5)
    wanted = random.random(), np.random.rand(), torch.rand(1).item()
    random.seed(5), np.random.seed(5), torch.manual_seed(5)
    for style in STYLES:
        render_street(0, 0, SMALL, style)
    assert (random.random(), np.random.rand(), torch.rand(1).item()) == wanted


@pytest.mark.parametrize('size', [(64, 48), (101, 77), (200, 64), (1100, 130), (90, 200)])
@pytest.mark.parametrize('style', STYLES)
def test_odd_sizes_contain_a_whole_street(size, style):
    image, label = render_street(2, 7, size, style)
    assert image.shape == (size[1], size[0], 3)
    assert label.shape == (size[1], size[0])
    assert image.dtype == label.dtype == np.uint8
    assert set(np.unique(label)) <= {*range(19), 255}
    road, sky = CITYSCAPES_CLASSES.index('road'), CITYSCAPES_CLASSES.index('sky')
    rows = np.arange(size[1])[:, None] * np.ones(size[0])
    assert rows[label == road].mean() > rows[label != road].mean()
    if (label == sky).any():
        assert rows[label == sky].mean() < 0.5 * size[1]


@pytest.fixture(scope='module', params=STYLES)
def many(request):
    pairs = [render_street(17, index, SMALL, request.param) for index in range(40)]
    return request.param, pairs


def test_class_shares_are_those_of_streets(many):
    _, pairs = many
    counts = sum(np.bincount(label.ravel(), minlength=256) for _, label in pairs)
    share = dict(zip(CITYSCAPES_CLASSES, counts / counts.sum()))
    limits = {
        'road': (0.22, 0.45),
        'building': (0.14, 0.36),
        'vegetation': (0.05, 0.22),
        'sky': (0.06, 0.25),
        'car': (0.03, 0.12),
        'sidewalk': (0.02, 0.1),
        'person': (0.001, 0.03),
        'pole': (0.005, 0.03),
        'traffic sign': (0.001, 0.02),
    }
    for name, (low, high) in limits.items():
        assert low < share[name] < high, (name, share[name])
    assert counts[255] / counts.sum() < 0.1


def test_every_class_occurs(many):
    style, pairs = many
    seen = set().union(*(np.unique(label).tolist() for _, label in pairs))
    for index in range(40, 160):
        if seen >= set(range(19)):
            break
        seen |= set(np.unique(render_street(17, index, SMALL, style)[1]).tolist())
    assert seen >= set(range(19)), set(range(19)) - seen


def test_labels_match_the_colors_of_the_image(many):
    """Sky is brighter than road, leaves and grass are greener than asphalt."""
    _, pairs = many
    colors = {name: [] for name in ('road', 'sky', 'vegetation', 'terrain')}
    for image, label in pairs:
        for name, found in colors.items():
            found.append(image[label == CITYSCAPES_CLASSES.index(name)].astype(float))
    mean = {name: np.concatenate(found).mean(axis=0) for name, found in colors.items()}
    assert mean['sky'].sum() > mean['road'].sum() + 60
    for name in ('vegetation', 'terrain'):
        assert mean[name][1] - mean[name][0] > 10
    assert abs(mean['road'][1] - mean['road'][0]) < 10


def test_shadows_darken_the_ground_alone():
    habits, rng = STREET_STYLES['rendered'], np.random.default_rng(0)
    canvas = Canvas(Camera(SMALL, 0.9, height=1.4, lateral=0.0), draw_light(rng, habits))
    canvas.cells[:] = 120, 120, 120, CITYSCAPES_CLASSES.index('building')
    canvas.cells[SMALL[1] :, :, 3] = CITYSCAPES_CLASSES.index('road')  # the lower half
    images = []
    for shade in (0, 128):
        canvas.shade[:] = shade
        image, label = finish(canvas, habits, np.random.default_rng(1))
        images.append(image.astype(float))
    assert np.array_equal(*(image[label != 0] for image in images))
    light, dark = (image[label == 0].mean() for image in images)
    assert dark / light == pytest.approx(127 / 255, abs=0.01)


def test_the_two_styles_differ_in_color_texture_and_layout():
    shown = {style: [render_street(4, i, SMALL, style) for i in range(12)] for style in STYLES}

    def saturation(pairs):
        hsv = [cv2.cvtColor(image, cv2.COLOR_BGR2HSV)[..., 1].mean() for image, _ in pairs]
        return np.mean(hsv)

    def roughness(pairs):
        return np.mean(
            [
                np.abs(np.diff(image.astype(float), axis=1))[(label == 0)[:, 1:]].mean()
                for image, label in pairs
            ]
        )

    assert saturation(shown['rendered']) > 1.4 * saturation(shown['camera'])
    assert roughness(shown['camera']) > 1.5 * roughness(shown['rendered'])
    bonnets = [(label[-1] == 255).mean() > 0.5 for _, label in shown['camera']]
    assert any(bonnets)
    assert not any((label[-1] == 255).mean() > 0.5 for _, label in shown['rendered'])


def test_gta_layout_reads_back(tmp_path):
    write_streets(tmp_path, 2, 'gta', 'rendered', SMALL, seed=8, start=4, progress=False)
    for index, name in ((4, '00005.png'), (5, '00006.png')):
        image, label = render_street(8, index, SMALL, 'rendered')
        assert np.array_equal(cv2.imread(str(tmp_path / 'images' / name)), image)
        stored = Image.open(tmp_path / 'labels' / name)
        assert stored.mode == 'P'
        assert np.array_equal(to_train(np.array(stored), CITYSCAPES_IDS), label)
        shown = np.array(stored.convert('RGB'))
        assert shown[label == 8].tolist()[0] == CITYSCAPES_PALETTE[8]


def test_synthia_layout_reads_back(tmp_path):
    write_streets(tmp_path, 1, 'synthia', 'rendered', SMALL, seed=8, progress=False)
    image, label = render_street(8, 0, SMALL, 'rendered')
    assert np.array_equal(cv2.imread(str(tmp_path / 'RGB' / '0000001.png')), image)
    stored = cv2.imread(str(tmp_path / 'GT' / 'LABELS' / '0000001.png'), cv2.IMREAD_UNCHANGED)
    assert stored.dtype == np.uint16
    assert stored.shape == (SMALL[1], SMALL[0], 3)
    assert np.array_equal(to_train(stored[..., 2], SYNTHIA_IDS), label)
    assert np.array_equal(stored[..., 1] > 0, (label >= 11) & (label < 19))


def test_cityscapes_layout_reads_back_from_several_processes(tmp_path):
    write_streets(
        tmp_path, 10, 'cityscapes', 'camera', SMALL, seed=8, split='val', workers=2, progress=False
    )
    images = tmp_path / 'leftImg8bit' / 'val' / 'streets'
    assert len(list(images.iterdir())) == 10
    for index in (0, 9):
        name = f'streets_{index:06d}_000019'
        image, label = render_street(8, index, SMALL, 'camera')
        assert np.array_equal(cv2.imread(str(images / f'{name}_leftImg8bit.png')), image)
        path = tmp_path / 'gtFine' / 'val' / 'streets' / f'{name}_gtFine_labelIds.png'
        stored = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert stored.ndim == 2
        assert np.array_equal(to_train(stored, CITYSCAPES_IDS), label)
    # another split may be of other streets
    write_streets(tmp_path, 1, 'cityscapes', 'rendered', SMALL, seed=9, progress=False)
    assert {path.name for path in (tmp_path / 'leftImg8bit').iterdir()} == {'train', 'val'}


def test_ignored_pixels_are_void_and_people_and_vehicles_are_numbered():
    label = np.array([[11, 255, 11, 0, 13]], np.uint8)
    for name in ('gta', 'cityscapes'):
        stored = Image.open(BytesIO(LAYOUTS[name].encode(label)))
        assert np.array(stored).tolist() == [[24, 0, 24, 7, 26]]
    content = np.frombuffer(LAYOUTS['synthia'].encode(label), np.uint8)
    _, numbers, ids = np.moveaxis(cv2.imdecode(content, cv2.IMREAD_UNCHANGED), -1, 0)
    assert ids.tolist() == [[10, 0, 10, 3, 8]]
    assert numbers.tolist() == [[1, 0, 2, 0, 3]]


def test_writing_again_keeps_files_and_adds_missing_ones(tmp_path):
    def write(count):
        write_streets(tmp_path, count, 'gta', 'rendered', SMALL, progress=False, workers=1)

    write(2)
    first, second = (tmp_path / 'images' / f'0000{i}.png' for i in (1, 2))
    before, content = first.stat().st_mtime_ns, second.read_bytes()
    second.unlink()
    write(3)
    assert first.stat().st_mtime_ns == before
    assert second.read_bytes() == content
    labels = [tmp_path / 'labels' / f'0000{i}.png' for i in (1, 2, 3)]
    assert sorted((tmp_path / 'labels').iterdir()) == labels
    labels[2].unlink()  # killed between image and label
    write(3)
    assert labels[2].exists()


@pytest.mark.parametrize('changed', [{'seed': 1}, {'style': 'camera'}, {'size': (96, 64)}])
def test_a_folder_holds_streets_of_one_kind(tmp_path, changed):
    wanted = {'layout': 'gta', 'style': 'rendered', 'size': SMALL, 'progress': False}
    write_streets(tmp_path, 1, **wanted)
    with pytest.raises(JointError, match='already holds streets'):
        write_streets(tmp_path, 1, **{**wanted, **changed})


@pytest.mark.parametrize('text', ['{"images": {"version"', '3', '[]', '{"images": 3}'])
def test_a_damaged_record_is_named(tmp_path, text):
    (tmp_path / 'streets.json').write_text(text)
    with pytest.raises(JointError, match=r'streets\.json is damaged: delete it'):
        write_streets(tmp_path, 1, 'gta', progress=False)


def test_foreign_images_are_not_touched(tmp_path):
    (tmp_path / 'images').mkdir()
    (tmp_path / 'images' / '00001.png').write_bytes(b'mine')
    with pytest.raises(JointError, match='not streets'):
        write_streets(tmp_path, 1, 'gta', progress=False)
    assert (tmp_path / 'images' / '00001.png').read_bytes() == b'mine'


@pytest.mark.parametrize(
    ('changed', 'words'),
    [
        ({'layout': 'kitti'}, "unknown layout 'kitti'"),
        ({'style': 'oil'}, "unknown street style 'oil'"),
        ({'count': 0}, 'count must be at least 1'),
        ({'size': (63, 48)}, 'at least 64 x 48'),
        ({'seed': -1}, 'must not be negative'),
        ({'workers': 0}, 'workers must be at least 1'),
        ({'split': 'a/b'}, 'name of a folder'),
    ],
)
def test_bad_arguments_give_one_sentence_and_no_file(tmp_path, changed, words):
    arguments = {'count': 1, 'layout': 'gta', 'progress': False, **changed}
    with pytest.raises(JointError, match=words) as caught:
        write_streets(tmp_path / 'new', **arguments)
    assert '\n' not in str(caught.value)
    assert not (tmp_path / 'new').exists()


def test_a_root_that_is_a_file(tmp_path):
    (tmp_path / 'taken').write_text('')
    with pytest.raises(JointError, match=r'cannot write streets to .*taken'):
        write_streets(tmp_path / 'taken', 1, 'gta', progress=False)


def test_the_tool_writes_a_dataset(tmp_path, call):
    kind = ('--layout', 'cityscapes', '--split', 'val', '--style', 'camera')
    numbers = ('--count', 1, '--size', *SMALL, '--seed', 3, '--start', 7)
    assert call(TOOL, tmp_path, *kind, *numbers).status == 0
    found = next((tmp_path / 'leftImg8bit' / 'val' / 'streets').iterdir())
    assert found.name == 'streets_000007_000019_leftImg8bit.png'
    assert np.array_equal(cv2.imread(str(found)), render_street(3, 7, SMALL, 'camera')[0])


def test_the_tool_reports_a_mistake_in_one_line(tmp_path, call):
    status, _, stderr = call(TOOL, tmp_path / 'new', '--layout', 'kitti')
    assert status == 2
    (line,) = stderr.splitlines()
    assert line.startswith("error: unknown layout 'kitti'")


def build(**arguments):
    pipeline = [{'type': 'LoadStreet'}, *arguments.pop('after', [])]
    return DATASETS.build(
        {'type': 'StreetsDataset', 'size': SMALL, 'pipeline': pipeline, **arguments}
    )


def test_dataset_gives_the_streets_of_its_range():
    dataset = build(count=3, style='camera', seed=6, start=10)
    assert len(dataset) == 3
    sample = dataset[2]
    assert same((sample['img'], sample['gt_seg_map']), render_street(6, 12, SMALL, 'camera'))
    assert sample['img_path'] == 'streets/camera/seed6/000012'
    assert sample['img_shape'] == sample['ori_shape'] == (SMALL[1], SMALL[0])
    assert sample['seg_fields'] == ['gt_seg_map']


def test_dataset_packs_and_takes_indices_and_fewer_classes():
    dataset = build(
        count=5,
        indices=[4, 1],
        metainfo={'classes': ('sky', 'road')},
        after=[{'type': 'PackSegInputs'}],
    )
    assert len(dataset) == 2
    packed = dataset[0]['data_samples']
    assert packed.img_path == 'streets/rendered/seed0/000004'
    label = packed.gt_sem_seg.data[0].numpy()
    _, drawn = render_street(0, 4, SMALL, 'rendered')
    assert np.array_equal(label == 0, drawn == CITYSCAPES_CLASSES.index('sky'))
    assert np.array_equal(label == 1, drawn == CITYSCAPES_CLASSES.index('road'))
    assert set(np.unique(label)) <= {0, 1, 255}


@pytest.mark.parametrize('changed', [{'count': 0}, {'style': 'oil'}, {'size': (8, 8)}])
def test_dataset_refuses_what_it_cannot_draw(changed):
    with pytest.raises(JointError):
        build(**{'count': 1, **changed})


def test_things_are_painted_in_the_order_of_occlusion():
    """A tram hides the pavement beside it, and is hidden by the lane between it and the camera."""
    camera = SimpleNamespace(position=np.array([1.5, 1.4, 0.0]))
    scene = Scene(SimpleNamespace(camera=camera), None, None, None)
    painted = []

    def paint(scene, name):
        painted.append(name)

    scene.add(-1.5, 35.0, paint, 'tram', length=25.0)
    scene.add(-7.0, 20.0, paint, 'somebody on the pavement')
    scene.add(-9.0, 25.0, paint, 'the house behind')
    scene.add(1.5, 22.0, paint, 'the car in the own lane', length=4.0)
    scene.add(-7.0, 50.0, paint, 'somebody further away')
    scene.add(-7.0, 8.0, paint, 'somebody before the tram')
    scene.paint()
    assert painted == [
        'somebody further away',
        'the house behind',
        'somebody on the pavement',
        'tram',
        'the car in the own lane',
        'somebody before the tram',
    ]


@pytest.mark.parametrize('turned', [{}, dict(horizon=0.4, yaw=0.1, roll=-0.05, bend=0.002)])
def test_the_ground_under_a_pixel_is_projected_onto_it(turned):
    camera = Camera(SMALL, 0.9, height=1.4, lateral=1.5, **turned)
    x, z = camera.ground(slice(0, SMALL[1]))
    seen = (z > NEAR) & (z < FAR) & (np.abs(x) < FAR)
    assert 0.4 < seen.mean() < 0.7  # below the horizon
    points = np.stack([x[seen], np.zeros(seen.sum()), z[seen]], axis=-1)
    centers = np.argwhere(seen)[:, ::-1] + 0.5
    np.testing.assert_allclose(camera.pixels(camera.view(points)), centers, atol=0.05)


def test_a_polygon_is_cut_at_the_near_plane():
    behind, before = NEAR - 1, NEAR + 3
    triangle = np.array([[0, 0, behind], [4, 0, before], [0, 4, before]], dtype=float)
    cut = [[1, 0, NEAR], [4, 0, before], [0, 4, before], [0, 1, NEAR]]
    np.testing.assert_allclose(clip_near(triangle), cut)
    for shift, corners in ((-4, 0), (2, 3)):
        assert clip_near(triangle + np.array([0, 0, shift])).shape == (corners, 3)
