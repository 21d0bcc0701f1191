"""A base config of a study on tiny data, as a user would write it."""

from __future__ import annotations

from pathlib import Path

from tests.tiny_configs import ROOT, tiny


def write_base(roots, folder: Path, **changes) -> Path:
    """Write it for streets and CamVid, three images each, two iterations; return the file."""
    cfg = tiny(ROOT / 'configs/joint_squeezenet_streets_camvid.py', roots, folder / 'unused')
    cfg.pop('work_dir')
    cfg.visualizer.pop('name')  # mmengine keeps one of that name for the whole process
    cfg.custom_imports = dict(imports=['mmseg_joint'], allow_failed_imports=False)
    cfg.default_hooks.logger.interval = 1
    cfg.merge_from_dict(changes)
    path = folder / 'base.py'
    cfg.dump(path)
    return path
