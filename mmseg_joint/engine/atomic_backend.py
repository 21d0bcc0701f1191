from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend

from mmseg_joint.errors import JointError

PARTIAL = '.part'  # added to the name of a file that is being written


class AtomicBackend(LocalBackend):
    """Local files that are there as a whole or not at all, whenever the process ends.

    A file is written beside its place, flushed to the disk, and then takes its name in one step.
    So a file of that name from before stays readable until the new one is complete.
    """

    def __init__(self) -> None:
        self._held: dict[Path, int] | None = None

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write a file.

        Args:
            obj: Its content.
            filepath: Its path; its folder is made if there is none.

        Raises:
            JointError: The disk refuses it. What was there before is as it was.
        """
        target = Path(filepath)
        partial = target.with_name(target.name + PARTIAL)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with open(partial, 'wb') as file:
                file.write(obj)
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, target)
        except OSError as error:
            # the disk has better use for the room
            with suppress(OSError):
                partial.unlink()
            raise JointError(
                f'{target} could not be written ({error.strerror or error}): make room on the disk '
                'and add --resume to go on from the checkpoint before it, which is whole.'
            ) from error
        _flush_folder(target.parent)

    def remove(self, filepath: str | Path) -> None:
        """Delete a file, or note it inside :meth:`hold_back_removals`.

        Args:
            filepath: The file.
        """
        if self._held is None:
            super().remove(filepath)
        else:
            self._held[Path(filepath)] = _written(filepath)

    @contextmanager
    def hold_back_removals(self) -> Iterator[None]:
        """Delete files at the end of the block only, and not at all if it fails.

        A file that was written anew inside the block stays.
        """
        outer = self._held
        held: dict[Path, int] = {}
        self._held = held
        try:
            yield
        finally:
            self._held = outer
        for path, written in held.items():
            if path.is_file() and _written(path) == written:
                self.remove(path)


def _written(path: str | Path) -> int:
    return Path(path).stat().st_mtime_ns


def _flush_folder(folder: Path) -> None:
    """Make the new name as lasting as the content; some file systems know no such thing."""
    if os.name == 'posix':
        with suppress(OSError):
            handle = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


register_backend('atomic', AtomicBackend, force=True)
