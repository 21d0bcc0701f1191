from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from mmseg_joint.errors import JointError

ORIGINAL = '.base_layer'  # what peft inserts into the names of the layers it adapts


def add_lora(network: nn.Module, config: Mapping[str, Any]) -> None:
    """Freeze a network, and add trainable low-rank matrices to some of its layers.

    *LoRA: Low-Rank Adaptation of Large Language Models* (Hu et al., ICLR 2022), through the
    library peft, whose `LoraConfig` takes the config: `r`, `lora_alpha`, `target_modules`, …. The
    second matrix of each pair starts at 0, so that nothing changes at first.

    Raises:
        JointError: When peft is absent, or refuses the arguments.
    """
    try:
        import peft
    except ImportError as error:
        raise JointError(
            f'model.backbone.lora needs peft ({error}): run `pip install peft`.'
        ) from error
    try:
        peft.inject_adapter_in_model(peft.LoraConfig(**config), network)
    except (TypeError, ValueError) as error:
        raise JointError(
            f'model.backbone.lora={dict(config)} is refused by peft ({error}): correct it.'
        ) from error
