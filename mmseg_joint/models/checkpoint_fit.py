from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from mmseg_joint.errors import JointError

MAX_NAMES = 3  # parameters named in an error


def check_fit(
    own: Mapping[str, Tensor], state: Mapping[str, Tensor], checkpoint: str, config: str
) -> None:
    """Refuse a checkpoint that is not of a model.

    Args:
        own: The model's entries.
        state: The checkpoint's.
        checkpoint: Its file, for the sentence.
        config: That of the model's config.

    Raises:
        JointError: The names or shapes differ.
    """
    faults = {
        'lacks': [key for key in own if key not in state],
        'has in another shape': [
            key for key in own if key in state and own[key].shape != state[key].shape
        ],
        'has besides': [key for key in state if key not in own],
    }
    for verb, keys in faults.items():
        if keys:
            shown = ', '.join(keys[:MAX_NAMES]) + (', …' if len(keys) > MAX_NAMES else '')
            raise JointError(
                f'The checkpoint {checkpoint} does not fit {config}: it {verb} {len(keys)} of '
                f"the model's entries ({shown}); give the config it was trained with."
            )
