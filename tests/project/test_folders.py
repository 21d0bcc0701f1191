"""What is found in a user's folders, and what is said about the rest."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from mmseg_joint.errors import JointError
from mmseg_joint.project.folders import find_images

from .files import write


def test_labels_that_are_jpegs_are_refused_as_such(tmp_path):
    write(tmp_path, 'img/{}.jpg', 'lbl/{}.jpg', 3, 0, color=True)
    with pytest.raises(JointError, match=r'img/\*\.jpg and lbl/\*\.jpg, .*JPEG changes the colors'):
        find_images(tmp_path)


@pytest.mark.parametrize(
    ('change', 'sentence'),
    [
        (lambda ids: ids.astype(np.uint16), r'labels/\*\.png, are .* more than 8 bits: .*uint8'),
        (
            lambda ids: np.dstack([ids] * 3),
            r'labels/\*\.png, are .* three equal channels: .*--colors',
        ),
    ],
)
def test_labels_in_another_format_are_reported_with_the_remedy(tmp_path, change, sentence):
    write(tmp_path, 'images/{}.jpg', 'labels/{}.png', 3, 0)
    for path in (tmp_path / 'labels').iterdir():
        Image.fromarray(change(np.array(Image.open(path)))).save(path)
    with pytest.raises(JointError, match=sentence):
        find_images(tmp_path)


def test_grays_may_be_colors(tmp_path):
    write(tmp_path, 'images/{}.jpg', 'labels/{}.png', 3, 0)
    for path in (tmp_path / 'labels').iterdir():
        Image.open(path).convert('RGB').save(path)
    assert find_images(tmp_path, in_color=True)['train'].in_color


def test_masks_of_one_bit_are_numbers(tmp_path):
    write(tmp_path, 'images/{}.jpg', 'labels/{}.png', 3, 0)
    for path in (tmp_path / 'labels').iterdir():
        Image.fromarray(np.array(Image.open(path)) == 1).save(path)
    assert not find_images(tmp_path)['train'].in_color


def test_names_distinguish_class_labels_from_instances_and_renderings(tmp_path):
    for folder in ('instances', 'labels', 'viz'):
        write(tmp_path, 'images/{}.jpg', folder + '/{}.png', 3, 0)
    found = find_images(tmp_path)['train']
    assert found.labels == 'labels'
    assert found.unused == ['labels in instances/*.png, viz/*.png']


def test_one_of_several_equally_fitting_labels_has_to_be_chosen(tmp_path):
    image = 'leftImg8bit/train/ulm/ulm_{}_leftImg8bit.png'
    for tail in ('instanceIds', 'labelIds', 'labelTrainIds'):
        write(tmp_path, image, f'gtFine/train/ulm/ulm_{{}}_gtFine_{tail}.png', 2, 0)
    both = r'ulm/\*_gtFine_labelIds\.png, gtFine/train/ulm/\*_gtFine_labelTrainIds\.png: .*--labels'
    with pytest.raises(JointError, match=both):
        find_images(tmp_path)
    found = find_images(tmp_path, chosen=('labelTrainIds', 'semantic'))['train']
    assert found.seg_map_suffix == '_gtFine_labelTrainIds.png'
    assert not found.unused


def test_labeled_images_of_another_folder_or_suffix_are_named(tmp_path):
    write(tmp_path, 'a/images/{}.jpg', 'a/labels/{}.png', 2, 0)
    write(tmp_path, 'b/images/{}.jpg', 'b/labels/{}.png', 4, 0)
    write(tmp_path, 'b/images/x{}.JPG', 'b/labels/x{}.png', 3, 0)
    found = find_images(tmp_path)['train']
    assert (found.images, found.img_suffix, len(found.names)) == ('b/images', '.jpg', 4)
    upper, other = found.unused
    assert upper.startswith('3 images in b/images/*.JPG, labels in b/labels/*.png: to use')
    assert other.startswith('2 images in a/images/*.jpg, labels in a/labels/*.png: to use')


def test_colors_and_renderings_are_images_before_depths_and_normals(tmp_path):
    for folder in ('depth', 'rgb'):
        write(tmp_path, folder + '/{}.png', 'semantic/{}.png', 2, 0)
    found = find_images(tmp_path)['train']
    assert found.images == 'rgb'
    assert found.unused[0].startswith('2 images in depth/*.png')


def test_images_without_a_label_are_left_out_and_counted(tmp_path):
    write(tmp_path, 'images/a/frame_{}_rgb.jpg', 'masks/a/frame_{}_seg.png', 5, 0)
    write(tmp_path, 'images/b/frame_{}_rgb.jpg', None, 2, 0)
    for number in (0, 3):
        (tmp_path / f'masks/a/frame_{number}_seg.png').unlink()
    (tmp_path / 'images/a/._frame_1_rgb.jpg').write_bytes(b'of macOS')
    found = find_images(tmp_path)['train']
    assert found.names == ('a/frame_1', 'a/frame_2', 'a/frame_4')
    assert found.listed
    (unused,) = found.unused
    assert unused.startswith('4 of 7 images have no label, the first is images/a/frame_0_rgb.jpg:')
    (tmp_path / 'images/b/frame_0_rgb.jpg').rename(tmp_path / 'other.jpg')
    assert find_images(tmp_path, labeled=False)['train'].listed is False


def test_labels_beside_the_images_are_not_listed_as_images(tmp_path):
    write(tmp_path, 'a/{}.png', 'a/{}_mask.png', 3, 0)
    found = find_images(tmp_path)['train']
    assert (found.names, found.listed, found.unused) == (('0', '1', '2'), True, [])
    unlabeled = find_images(tmp_path, labeled=False)['train']
    assert (unlabeled.names, unlabeled.listed, unlabeled.unused) == (('0', '1', '2'), True, [])
    write(tmp_path, 'a/{}.png', 'a/old/{}_mask.png', 3, 0)
    found = find_images(tmp_path)['train']
    assert (found.labels, found.unused[0]) == ('a', 'labels in a/old/*_mask.png')


def test_few_names_with_different_ends_go_by_the_label_of_the_same_name(tmp_path):
    for name in ('ulm_a', 'ulm_b', 'ulm_f01470', 'bonn_000019'):
        write(tmp_path, f'images/{name}.jpg', f'labels/{name}.png', 1, 0)
    found = find_images(tmp_path)['train']
    assert found.names == ('bonn_000019', 'ulm_a', 'ulm_b', 'ulm_f01470')
    assert (found.img_suffix, found.seg_map_suffix) == ('.jpg', '.png')
    assert not found.listed
    assert not found.unused


def test_labels_of_another_split_with_equal_names_are_not_called_unused(tmp_path):
    for split in ('train', 'val'):
        write(tmp_path, 'images/' + split + '/{}.jpg', 'labels/' + split + '/{}.png', 2, 0)
    found = find_images(tmp_path)
    assert [(x.labels, x.unused) for x in found.values()] == [
        ('labels/train', []),
        ('labels/val', []),
    ]


def test_splits_are_known_by_the_names_of_folders_in_any_spelling(tmp_path):
    for split in ('Training', 'VALID'):
        write(tmp_path, f'Images/{split}/ulm/{{}}.jpg', f'Labels/{split}/ulm/{{}}.png', 2, 0)
    found = find_images(tmp_path)
    places = {split: (x.images, x.labels, x.names[0]) for split, x in found.items()}
    assert places == {
        'train': ('Images/Training', 'Labels/Training', 'ulm/0'),
        'val': ('Images/VALID', 'Labels/VALID', 'ulm/0'),
    }
    assert list(find_images(tmp_path / 'Images/VALID', labeled=False)) == ['train']
    (tmp_path / 'Images/Training').rename(tmp_path / 'Images/test')
    (tmp_path / 'Labels/Training').rename(tmp_path / 'Labels/test')
    assert {x.images for x in find_images(tmp_path).values()} == {'Images/VALID', 'Images/test'}
    assert 'train' in find_images(tmp_path)  # a project needs images to train on


@pytest.mark.parametrize('orientation', [4, 5, 6])
def test_the_size_of_a_photo_is_that_of_the_upright_image(tmp_path, orientation):
    write(tmp_path, 'images/{}.jpg', 'labels/{}.png', 3, 0)
    size = find_images(tmp_path)['train'].size
    for path in (tmp_path / 'images').iterdir():
        image = Image.open(path)
        exif = image.getexif()
        exif[0x0112] = orientation  # turned by 90° from 5 on
        image = image.transpose(Image.Transpose.ROTATE_90) if orientation > 4 else image
        image.save(path, exif=exif)
    assert find_images(tmp_path)['train'].size == size
    assert size[0] != size[1]
