from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from PIL import ExifTags, Image

from mmseg_joint.checks.samples import spread
from mmseg_joint.errors import JointError

from .kinds import DEEP, GRAY, IMAGES, LOOKED_AT, Kind, form_of, kinds_in, shown

SPLITS = {'training': 'train', 'valid': 'val', 'validation': 'val', 'testing': 'test'}
SPLITS.update({name: name for name in ('train', 'val', 'test')})
JPEG = ('.jpg', '.jpeg')
# names of files that look like labels or images, used only where nothing else fits as well
OTHERS = re.compile(
    r'instance|panoptic|overlay|preview|depth|disparity|normal|(^|[^a-z])vi[sz]', re.IGNORECASE
)
MOVE = 'to use them too, give all images one folder and one suffix, and all labels another'
REMEDIES = {
    DEEP: 'where no number is above 255, save them again with '
    'Image.fromarray(np.array(Image.open(path)).astype(np.uint8)).save(path)',
    GRAY: 'save one of them, Image.open(path).getchannel(0).save(path), or give --colors FILE if '
    'grays stand for classes',
}


@dataclass(frozen=True)
class Found:
    """Images in a folder, with labels if there are any, as mmseg's datasets expect them.

    Attributes:
        root: The folder that was given.
        images: Folder of the images within it.
        labels: Folder of the labels within it; empty without labels.
        img_suffix: End of the images' names.
        seg_map_suffix: End of the labels' names.
        names: The images' names in their folder, without suffix, sorted.
        size: Width and height of an image in the middle.
        in_color: Whether labels are colors.
        listed: Whether the folder has more such images, so that a list must name these.
        unused: Descriptions of other files in the folder.
    """

    root: Path
    images: str
    labels: str
    img_suffix: str
    seg_map_suffix: str
    names: tuple[str, ...]
    size: tuple[int, int]
    in_color: bool
    listed: bool
    unused: list[str]


def describe(found: Found) -> str:
    """Say how many images there are, and where."""
    labels = (
        f', labels in {found.labels or "."}/*{found.seg_map_suffix}' if found.seg_map_suffix else ''
    )
    return f'{len(found.names):,} images in {found.images or "."}/*{found.img_suffix}{labels}'


def find_images(
    root: Path, labeled: bool = True, in_color: bool = False, chosen: Sequence[str] = ()
) -> dict[str, Found]:
    """Look for images and their labels in a folder.

    Labels are recognized by content: few values, or few colors, per file. A label belongs to the
    image whose name begins as its own does; of several, to that with most folders in common.

    Args:
        root: The folder.
        labeled: Whether to look for labels.
        in_color: Whether to prefer color labels where labels in both forms fit equally well.
        chosen: Parts of the paths of the labels to use, where several fit.

    Returns:
        `'train'`, `'val'` and `'test'`, for folders with such names -> the images found there;
        without such folders, all under `'train'`.

    Raises:
        JointError: When there are no images, no labels for them, or several fitting labels.
    """
    if not root.is_dir():
        raise JointError(f'There is no folder {root}: correct the path.')
    kinds = kinds_in(root)
    looks = {kind: form_of(root, kind, names) for kind, names in kinds.items()}
    if in_color:
        looks = {kind: 'color' if look == GRAY else look for kind, look in looks.items()}
    photos = {kind: names for kind, names in kinds.items() if looks[kind] is None}
    if not photos:
        raise JointError(f'{root} has no images ({", ".join(IMAGES)}): correct the path.')
    labels = {kind: names for kind, names in kinds.items() if looks[kind] is not None}
    named = {kind: x for kind, x in labels.items() if any(y in '/'.join(kind) for y in chosen)}
    form = 'color' if in_color else 'index'
    wanted = {kind for kind in labels if looks[kind] == form}
    pairs: list[Pair] = []
    for kind, names in photos.items():
        best, rest = _labels_of(kind, names, named or labels, wanted) if labeled else ([], [])
        if len(best) > 1:
            raise JointError(
                f'Labels of {shown(kind)} in {root} may be '
                f'{", ".join(shown(label[0]) for label in best)}: choose with --labels and a part '
                'of the path that the others lack.'
            )
        match = best[0] if best else None
        look = looks[match[0]] if match else None
        if match and look in REMEDIES:
            raise JointError(
                f'Labels in {root}, {shown(match[0])}, are numbers in {look}: {REMEDIES[look]}.'
            )
        if match or not labeled:
            pairs.append((kind, match, look == 'color', rest))
    if not pairs:
        first = next(iter(photos))
        jpegs = {x: photos[x] for x in photos if x != first and x[1].lower().endswith(JPEG)}
        twins, _ = _labels_of(first, photos[first], jpegs)
        if twins:
            raise JointError(
                f'{root} has files of the same names in {shown(first)} and {shown(twins[0][0])}, '
                'and no other labels, but JPEG changes the colors that were saved: '
                'save labels as PNG.'
            )
        raise JointError(
            f'{root} has images in {first[0] or "."}, but no labels whose names begin as '
            'theirs do: name label files like their images, in a folder beside them.'
        )
    return _by_split(root, kinds, photos.keys(), pairs)


Labels = tuple[Kind, str, str]  # with the suffixes of the names of an image and of its label
Pair = tuple[Kind, Labels | None, bool, list[Kind]]


def _labels_of(
    kind: Kind, names: list[str], others: dict[Kind, list[str]], wanted: Collection[Kind] = ()
) -> tuple[list[Labels], list[Kind]]:
    """Return the labels that fit the images best, several if tied, and those that fit less."""
    fits: dict[Kind, tuple[tuple, Labels]] = {}
    folder = Path(kind[0]).parts
    for other, candidates in others.items():
        some = (names[index] for index in spread(len(names), LOOKED_AT))
        for suffixes in {x for name in some for x in _suffixes(name, candidates)}:
            stems = {name.removesuffix(suffixes[1]) for name in candidates}
            shared = sum(name.removesuffix(suffixes[0]) in stems for name in names) / len(names)
            near = len({*folder} & {*Path(other[0]).parts}) + (kind[0] == other[0])
            close = -len(suffixes[0])  # the image's whole name comes before its beginning
            fit = (not OTHERS.search('/'.join(other)), near, shared, other in wanted, close)
            if shared > 0.5 and (other not in fits or fit > fits[other][0]):
                fits[other] = (fit, (other, *suffixes))
    most = max((fit for fit, _ in fits.values()), default=None)
    best = [labels for fit, labels in fits.values() if fit == most]
    return best, [other for other, (fit, _) in fits.items() if fit != most]


def _suffixes(name: str, candidates: list[str]) -> set[tuple[str, str]]:
    """Return the suffixes of an image's and a label's name after their longest common beginning."""
    stem, ends = Path(name).stem, Path(name).suffix
    found = defaultdict(set)
    for candidate in candidates:
        other = Path(candidate).stem
        pairs = takewhile(lambda pair: pair[0] == pair[1], zip(stem, other))
        shared = ''.join(letter for letter, _ in pairs)
        if shared not in (stem, other):
            shared = shared[: max(shared.rfind('_'), 0)]
        if shared and (shared == stem or stem[len(shared)] in '_-.'):
            found[len(shared)].add((stem[len(shared) :] + ends, candidate[len(shared) :]))
    return found[max(found, default=0)]


def _by_split(
    root: Path, kinds: dict[Kind, list[str]], photos: Collection[Kind], pairs: list[Pair]
) -> dict[str, Found]:
    groups: dict[tuple, list[str]] = defaultdict(list)
    unused: dict[tuple, dict[str, None]] = defaultdict(dict)
    taken = {best[0] for _, best, *_ in pairs if best}
    for kind, best, in_color, rest in pairs:
        folders = [Path(kind[0]).parts, Path(best[0][0]).parts if best else Path(kind[0]).parts]
        split = next((SPLITS[x.lower()] for x in folders[0] if x.lower() in SPLITS), 'train')
        # subfolders that are alike in both, like cities, are listed by mmseg itself
        below = 0
        while all(len(parts) > below + 1 for parts in folders):
            last = {parts[-1 - below] for parts in folders}
            if len(last) > 1 or {name.lower() for name in last} & SPLITS.keys():
                break
            below += 1
        cut = ['/'.join(parts[: len(parts) - below]) for parts in folders]
        suffixes = best[1:] if best else (kind[1], '')
        inner = '/'.join(folders[0][len(folders[0]) - below :])
        stems = [x.removesuffix(suffixes[0]) for x in kinds[kind]]
        if best:
            labeled = {x.removesuffix(suffixes[1]) for x in kinds[best[0]]}
            stems = [stem for stem in stems if stem in labeled]
        names = [os.path.join(inner, stem) for stem in stems]
        key = (split, cut[0], cut[1] if best else '', *suffixes, in_color)
        groups[key].extend(names)
        for folder, end in (x for x in rest if x not in taken):
            parts = Path(folder).parts
            unused[key][shown(('/'.join(parts[: len(parts) - below]), end))] = None
    found: dict[str, Found] = {}
    order = sorted(groups.items(), key=lambda x: (bool(OTHERS.search(x[0][1])), -len(x[1])))
    for key, names in order:
        split, images, labels, img_suffix, seg_map_suffix, in_color = key
        names = sorted(names)
        with Image.open(root / images / (names[len(names) // 2] + img_suffix)) as image:
            turned = image.getexif().get(ExifTags.Base.Orientation, 1) > 4  # loading turns it, too
            size = image.size[::-1] if turned else image.size
        more = _more(images, img_suffix, names, kinds)
        part = Found(
            *(root.absolute(), images, labels, img_suffix, seg_map_suffix),
            *(tuple(names), size, in_color, bool(more)),
            [f'labels in {", ".join(unused[key])}'] if unused[key] else [],
        )
        bare = sorted(path for path, kind in more.items() if kind in photos)
        if bare and seg_map_suffix:
            part.unused.append(
                f'{len(bare):,} of {len(names) + len(bare):,} images have no label, the first is '
                f'{bare[0]}: such images can be given as --unlabeled'
            )
        if found.setdefault(split, part) is not part:  # the largest set of each split is kept
            found[split].unused.append(f'{describe(part)}: {MOVE}')
    if 'train' not in found:
        found['train'] = found.pop(next(iter(found)))
    return found


def _more(
    images: str, suffix: str, names: list[str], kinds: dict[Kind, list[str]]
) -> dict[str, Kind]:
    """Return other files that mmseg would list in a folder: path -> its kind."""
    known = {os.path.join(images, name + suffix) for name in names}
    inside = {kind: x for kind, x in kinds.items() if Path(kind[0]).is_relative_to(images)}
    paths = {os.path.join(kind[0], name): kind for kind, x in inside.items() for name in x}
    return {x: kind for x, kind in paths.items() if x.endswith(suffix) and x not in known}
