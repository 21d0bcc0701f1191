from __future__ import annotations

import os.path as osp
from pathlib import PurePath, PurePosixPath
from typing import Any

from mmseg_joint.errors import JointError

SUFFIX = '.png'


def png_suffix(suffix: str) -> str:
    """Returns the end of a file's name in a copy: ``.png`` in place of ``.jpg`` and the like."""
    return osp.splitext(f'x{suffix}')[0][1:] + SUFFIX


def places(prefix: dict[str, str], img_suffix: str, seg_map_suffix: str) -> dict[str, str]:
    """Returns where a copy has what the data set has at ``prefix``: at the same place.

    Args:
        prefix: ``img_path`` and perhaps ``seg_map_path``, relative to the data set's root.
        img_suffix: End of the original pictures' names.
        seg_map_suffix: End of the original labels' names.

    Returns:
        The same keys with normal paths, relative to the copy's root.

    Raises:
        JointError: If a path leaves the root, or a label would get its picture's name.
    """
    found = {}
    for key, value in prefix.items():
        path = PurePosixPath(PurePath(value or '.').as_posix())
        if path.is_absolute() or '..' in path.parts or '://' in value:
            raise JointError(
                f"data_prefix.{key} is '{value}': a prepared copy has the same folders as the "
                'originals, so give a path relative to data_root'
            )
        found[key] = str(path)
    same = found.get('img_path') == found.get('seg_map_path')
    if same and png_suffix(img_suffix) == png_suffix(seg_map_suffix):
        raise JointError(
            f"pictures '*{img_suffix}' and labels '*{seg_map_suffix}' are in one folder and would "
            'have the same names in a prepared copy: put them in two folders'
        )
    return found


def absolute(root: str, prefix: dict[str, Any]) -> dict[str, str]:
    """Returns the folders of :func:`places` under a root, so that no other root is put before."""
    return {key: osp.abspath(osp.join(root, value)) for key, value in prefix.items()}
