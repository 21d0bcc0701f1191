from __future__ import annotations

import sys


def is_starting() -> bool:
    """Whether Python is about to run `python -m mmseg_joint.doctor`.

    While `-m` looks for the module, and imports the packages around it, `sys.argv[0]` is `'-m'`.
    The package then imports nothing that may be missing, so that the doctor can say what is.
    """
    return sys.argv[:1] == ['-m'] and 'mmseg_joint.doctor' in sys.orig_argv
