from __future__ import annotations

from pathlib import Path
from string import Formatter

from mmseg_joint.errors import JointError

SHIPPED = Path(__file__).parent
"""Folder of the lists that come with the package, one folder per dataset."""


def placeholders(list_file: str) -> set[str]:
    """Return which of ``{count}`` and ``{seed}`` a list's name has, e.g. ``{count:04d}``.

    Raises:
        JointError: When the name has another placeholder, or one that cannot hold a number.
    """
    try:
        found = {field for _, field, _, _ in Formatter().parse(list_file) if field is not None}
        list_file.format(count=0, seed=0)
    except (KeyError, ValueError, IndexError, AttributeError, TypeError):
        raise JointError(
            f"LabelSubset.list_file '{list_file}' has braces that cannot be filled in: write "
            '{count}, {count:04d} or {seed}'
        ) from None
    return found


def find_list(list_file: str) -> Path:
    """Find a list: at the given path or else, relative to :data:`SHIPPED`, among those that ship.

    Raises:
        JointError: When it is in neither place.
    """
    found = next((p for p in (Path(list_file), SHIPPED / list_file) if p.is_file()), None)
    if found is None:
        raise JointError(
            f"LabelSubset.list_file '{list_file}' is neither a file nor a list that ships "
            f'({_alternatives(list_file)}): correct the path, or make the list with '
            'tools/make_label_lists.py'
        )
    return found


def _alternatives(list_file: str) -> str:
    folder = SHIPPED / Path(list_file).parent
    found = sorted(folder.glob('*.txt')) if SHIPPED in folder.parents else []
    if found:
        return ', '.join(path.stem for path in found)
    return ', '.join(sorted({f'{path.parent.name}/…' for path in SHIPPED.glob('*/*.txt')}))


def read_names(path: Path) -> list[str]:
    """Return a list's image names, without empty lines.

    Raises:
        JointError: When the file cannot be read.
    """
    try:
        lines = path.read_text(encoding='utf-8').splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise JointError(
            f"LabelSubset.list_file '{path}' cannot be read ({error}): name a text file"
        ) from None
    return [line.strip() for line in lines if line.strip()]
