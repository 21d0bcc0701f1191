from __future__ import annotations

import json
from collections.abc import Callable, Collection
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path

import torch
from mmengine.config import Config
from torch import Tensor, nn

from mmseg_joint.errors import JointError, reason_of
from mmseg_joint.utils.atomic_write import atomic_path


def check_targets(
    out: Path, safetensors: bool = False, force: bool = False, sources: Collection[Path] = ()
) -> list[Path]:
    """Name the files of an export, and refuse those that must not be written.

    Args:
        out: The checkpoint; the config goes next to it under the same name.
        safetensors: Whether the weights are written as safetensors too, as a third file.
        force: Whether files may be replaced.
        sources: Files that are read, and never replaced.

    Raises:
        JointError: When the name has no `.pth`, a file already exists, or safetensors is missing.
    """
    if safetensors and find_spec('safetensors') is None:
        raise JointError(
            '--safetensors needs the package safetensors: run `python -m pip install safetensors`.'
        )
    if out.suffix != '.pth':
        raise JointError(f'The export cannot be written to {out}: end its name in .pth.')
    targets = [out, out.with_suffix('.py')]
    if safetensors:
        targets.append(out.with_suffix('.safetensors'))
    read = {source.resolve() for source in sources}
    for target in targets:
        if target.resolve() in read:
            raise JointError(
                f'The export would replace {target}, which it is made from: choose another name.'
            )
        if target.is_dir():
            raise JointError(
                f'The export cannot be written to {target}, which is a folder: name a file.'
            )
        if target.exists() and not force:
            raise JointError(
                f'{target} is there already: choose another name, or --force to replace it.'
            )
    return targets


def weights_of(model: nn.Module) -> dict[str, Tensor]:
    """Return copies of a model's weights as contiguous tensors on the CPU."""
    return {
        name: value.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, value in model.state_dict().items()
    }


def write_export(
    targets: list[Path], weights: dict[str, Tensor], cfg: Config, meta: dict[str, list]
) -> None:
    """Write checkpoint, config and perhaps safetensors; never leave a partial file.

    Raises:
        JointError: When a file cannot be written; then none has been replaced.
    """
    text = cfg.pretty_text
    content = {'meta': {'dataset_meta': meta, 'cfg': text}, 'state_dict': weights}
    writers: list[Callable[[Path], object]] = [
        lambda path: torch.save(content, path),
        lambda path: path.write_text(text, encoding='utf-8'),
        lambda path: _save_safetensors(weights, meta, path),
    ]
    try:
        with ExitStack() as files:
            for target, write in zip(targets, writers):
                write(files.enter_context(atomic_path(target)))
    except (OSError, RuntimeError) as error:  # torch reports a full disk by a RuntimeError
        raise JointError(
            f'The export {targets[0]} cannot be written ({reason_of(error)}): choose a folder that '
            'can be written, with enough room.'
        ) from error


def _save_safetensors(weights: dict[str, Tensor], meta: dict[str, list], path: Path) -> None:
    from safetensors.torch import save_file  # optional

    metadata = {key: json.dumps(value) for key, value in meta.items()}
    save_file(weights, path, metadata={'format': 'pt', **metadata})
