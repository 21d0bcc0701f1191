from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

STEM = '_conv_stem.weight'  # what `efficientnet-lite-pytorch` calls the first convolution
VARIANCE, COUNTER = '.running_var', '.num_batches_tracked'


def rename_efficientnet_lite(
    state_dict: Mapping[str, Tensor], own: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Rename the published weights of an EfficientNet-Lite to timm's names.

    Both list the same layers in the same order and differ only in names, so the n-th tensor of one
    is the n-th of the other. Batch norms' batch counters are skipped in this matching, since not
    every file has them.

    Args:
        state_dict: Weights with the names of `efficientnet-lite-pytorch`.
        own: Weights of timm's `tf_efficientnet_lite*`. If they lack a classifier, the published one
            keeps its names. If one shape differs, all names stay: the file fits another network.
    """
    theirs, ours = ([key for key in d if not key.endswith(COUNTER)] for d in (state_dict, own))
    if any(state_dict[key].shape != own[name].shape for key, name in zip(theirs, ours)):
        return dict(state_dict)
    names = dict(zip(theirs, ours))
    for key, name in list(names.items()):  # a counter is named after its running variance
        names[key.replace(VARIANCE, COUNTER)] = name.replace(VARIANCE, COUNTER)
    return {names.get(key, key): value for key, value in state_dict.items()}
