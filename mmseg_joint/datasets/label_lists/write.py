from __future__ import annotations

import hashlib
import os.path as osp
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmseg_joint.datasets.label_lists.files import read_names
from mmseg_joint.datasets.label_subset import LabelSubset
from mmseg_joint.errors import JointError
from mmseg_joint.utils.atomic_write import atomic_write

CHECKSUMS = 'SHA256SUMS'


def make_lists(
    dataset: Any, counts: Sequence[int], seeds: Sequence[int], held_out: bool = False
) -> dict[str, list[str]]:
    """Draw nested label lists, as :class:`~mmseg_joint.datasets.LabelSubset` draws its subsets.

    Returns:
        File name → sorted image names without the dataset's ``img_suffix``: ``0050_seed0.txt``,
        perhaps ``0050_seed0_held_out.txt``, and a list of all images, named after their folder.

    Raises:
        JointError: When a count is below 1 or above the number of images, or leaves none to hold
            out.
    """
    suffix = getattr(dataset, 'img_suffix', '')
    whole = [name.removesuffix(suffix) for name in LabelSubset(dataset, fraction=1).names]
    prefix = getattr(dataset, 'data_prefix', {})
    folder = osp.abspath(prefix.get('img_path') or 'all')  # "." and ".." have no name
    lists = {f'{osp.basename(folder)}.txt': whole}
    for count in counts:
        if not 1 <= count <= len(whole) - held_out:
            raise JointError(
                f'--counts {count}: choose from 1 to {len(whole) - held_out}, for there are '
                f'{len(whole)} images{" and some are to be held out" if held_out else ""}.'
            )
        for seed in seeds:
            chosen = LabelSubset(dataset, count=count, seed=seed).names
            labeled = {name.removesuffix(suffix) for name in chosen}
            lists[f'{count:04d}_seed{seed}.txt'] = [n for n in whole if n in labeled]
            if held_out:
                others = [name for name in whole if name not in labeled]
                lists[f'{count:04d}_seed{seed}_held_out.txt'] = others
    return lists


def write_lists(lists: dict[str, list[str]], folder: Path, force: bool = False) -> dict[str, str]:
    """Write lists, and add their checksums to the folder's, in ``sha256sum``'s format.

    Returns:
        File name → SHA-256 of what was written.

    Raises:
        JointError: When a file already exists and ``force`` is off (nothing is written then), or
            the folder cannot be written.
    """
    present = [name for name in lists if (folder / name).exists()]
    if present and not force:
        raise JointError(
            f'{folder / present[0]} is there already: give another --out, or --force to replace it.'
        )
    written = {}
    for name, names in lists.items():
        data = ''.join(f'{line}\n' for line in names).encode()
        atomic_write(folder / name, data)  # bytes: the same checksum on every system
        written[name] = hashlib.sha256(data).hexdigest()
    sums = {**read_checksums(folder), **written}
    text = ''.join(f'{sums[name]}  {name}\n' for name in sorted(sums))
    atomic_write(folder / CHECKSUMS, text)
    return written


def read_checksums(folder: Path) -> dict[str, str]:
    """Return file name → SHA-256 from a folder's checksum file; empty if there is none."""
    path = folder / CHECKSUMS
    lines = read_names(path) if path.is_file() else []
    return {name: digest for digest, name in (line.split(maxsplit=1) for line in lines)}
