"""What a system error means for the user."""

from __future__ import annotations

import errno

# what the user can do about a file that the system refuses
REMEDIES = {
    errno.ENOENT: 'correct the path',
    errno.EACCES: 'change its permissions, or name another place',
    errno.EPERM: 'change its permissions, or name another place',
    errno.EROFS: 'name a place that can be written',
    errno.EEXIST: 'it is in the way: name another place',
    errno.ENOTDIR: 'a file stands where a folder is needed: name another place',
    errno.EISDIR: 'name a file instead of a folder',
    errno.ENOSPC: 'make room on the disk',
    errno.EDQUOT: 'make room on the disk',
    errno.EFBIG: 'make room on the disk',
}


def hint(error: Exception) -> str | None:
    """Return a sentence for a file that the system refuses or a failed compilation, else None."""
    if type(error).__module__.startswith(('torch._dynamo', 'torch._inductor')):
        reason = str(error).strip().split('\n')[0].rstrip('. ')
        return f'The model cannot be compiled ({reason}): delete compile from the config.'
    if isinstance(error, OSError) and error.errno in REMEDIES:
        what = error.filename2 or error.filename or 'A file'
        return f'{what} cannot be used ({error.strerror}): {REMEDIES[error.errno]}.'
    return None
