from __future__ import annotations

import os

from mmengine.config import Config

from mmseg_joint.checkpoints.pretrained import is_pretrained
from mmseg_joint.checkpoints.read import is_remote
from mmseg_joint.errors import JointError
from mmseg_joint.utils.walk import dicts_in


def check_files(cfg: Config) -> None:
    """Refuse missing weights files that training starts from."""
    for key, node in dicts_in(cfg.get('model'), 'model'):
        if isinstance(node.get('init_cfg'), str):
            raise JointError(
                f'{key}.init_cfg is {node["init_cfg"]!r}: give a dict, like '
                "dict(type='Pretrained', checkpoint=…), or None."
            )
    files = weights_files(cfg).items()
    absent = [(key, path) for key, path in files if not is_remote(path) and not is_here(path)]
    if absent:
        named = ' and '.join(f'{key} is {path!r}' for key, path in absent)
        raise JointError(
            f'{named}, which does not exist: put the file there, or correct {absent[0][0]}.'
        )


def weights_files(cfg: Config) -> dict[str, str]:
    """List the weights files that a config names, by their dotted keys."""
    files = {}
    for key, node in dicts_in(cfg.get('model'), 'model'):
        if is_pretrained(node) and isinstance(node.get('checkpoint'), str):
            files[f'{key}.checkpoint'] = node['checkpoint']
        # mmseg's older way; elsewhere a name may mean anything
        old = node.get('pretrained') if key in ('model', 'model.backbone') else None
        if isinstance(old, str) and (is_remote(old) or old.endswith('.pth')):
            files[f'{key}.pretrained'] = old
    if cfg.get('load_from'):
        files['load_from'] = cfg.load_from
    return files


def is_here(path: str) -> bool:
    """Return whether a path is a file on this machine."""
    return not is_remote(path) and os.path.isfile(os.path.expanduser(path))
