"""The files of a project: a data file, lists of images, and the config that trains on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from mmseg_joint.errors import JointError
from mmseg_joint.utils.atomic_write import atomic_write

from .class_values import ClassValues
from .config_file import config_file, read_base
from .data_file import Domains, data_file
from .folders import Found

HELD_OUT = 5  # without a validation folder, every fifth target image is used


def write_project(
    out: Path,
    base: str,
    classes: Sequence[str],
    domains: Domains,
    colors: ClassValues | None,
    ids: Mapping[str, ClassValues],
) -> tuple[Path, int]:
    """Write the data file, its lists of images, and the config.

    Args:
        out: Folder of the project.
        base: A config of mmseg, as a `_base_` names it.
        classes: Names of the classes.
        domains: Domain -> split -> contents of its folder, for `source`, `target` and, optionally,
            `unlabeled`.
        colors: The colors of each class and the ignored ones, where labels are colors.
        ids: Domain -> the ids of each class and the ignored ones, where they are not the classes'
            indices.

    Returns:
        The config's file, and how many labeled images are left for training.

    Raises:
        JointError: When the base's model has no joint version, or a file would be overwritten.
    """
    data, config = out / 'my_data.py', out / 'joint.py'
    read = read_base(base)
    scored, listed = _splits(domains)
    lists = {
        (domain, split): out / (f'{split}.txt' if domain == 'target' else f'{domain}_{split}.txt')
        for domain, split in listed
    }
    there = [str(path) for path in (data, config, *lists.values()) if path.exists()]
    if there:
        raise JointError(
            f'{", ".join(there)} would be overwritten: give another --out, or remove what is there.'
        )
    for key, path in lists.items():
        atomic_write(path, '\n'.join(listed[key]) + '\n')
    atomic_write(data, data_file(read, classes, domains, scored, lists, colors, ids))
    atomic_write(config, config_file(base, read, len(classes)))
    return config, len(listed.get(('target', 'train'), domains['target']['train'].names))


def _splits(domains: Domains) -> tuple[dict[str, Found], dict[tuple[str, str], list[str]]]:
    """Return the splits that are scored, and the images of those that need a list."""
    target = domains['target']
    scored = {split: target[split] for split in ('val', 'test') if split in target}
    listed = {
        (domain, split): list(found.names)
        for domain, splits in domains.items()
        for split, found in splits.items()
        if found.listed and (domain == 'target' or split == 'train')
    }
    if not scored:
        scored = {'val': target['train']}
        names = target['train'].names
        if len(names) < 2:
            raise JointError(
                f'{target["train"].root} has one labeled image: give at least two, for training '
                'and for validation.'
            )
        held_out = list(names[HELD_OUT - 1 :: HELD_OUT] or names[-1:])
        listed['target', 'val'] = held_out
        listed['target', 'train'] = sorted({*names} - {*held_out})
    return scored, listed
