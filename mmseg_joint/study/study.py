from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_joint.errors import JointError
from mmseg_joint.utils.atomic_write import atomic_write

from .create import Base
from .methods import METHODS, TARGET_ONLY
from .rows import Comparison, Row, parts_of
from .runs import find_runs
from .same_training import first_difference
from .unseen import unseen_classes

SCALE = 'study'
FILE, CONFIGS = 'study.json', 'configs'
UNLABELED = '_0'  # suffix of a config that trains without target labels


@dataclass(frozen=True)
class Study(Comparison):
    """Methods that are compared on one base config."""

    folder: Path = Path()  #: its work dir, with configs, runs and report
    config: str = ''  #: the base config's file
    total: int = 0  #: labeled target images available
    #: choices made for each method's config, one sentence each
    chosen: dict[str, list[str]] = field(default_factory=dict)
    #: changes that `--cfg-options` made to the base config
    options: dict[str, str] = field(default_factory=dict)
    unseen: tuple[str, ...] = ()  #: draws of labeled images that lack a class, one sentence each


def parse_labels(texts: Sequence[str], total: int) -> list[int]:
    """Read numbers of labels, or `'all'`, in rising order.

    Raises:
        JointError: When one is not a number, exceeds the labeled images, or is given twice.
    """
    counts = []
    for text in texts:
        if text != 'all' and not text.isdecimal():
            raise JointError(f'--labels {text}: give numbers of labeled images, or all.')
        count = total if text == 'all' else int(text)
        if count > total:
            raise JointError(
                f'--labels {text}: the target has {total} labeled images; give {total} at most, or '
                'all.'
            )
        if count in counts:
            raise JointError(f'--labels has {count} twice: leave one of them out.')
        counts.append(count)
    return sorted(counts)


def write_study(
    folder: Path,
    base: Base,
    methods: Sequence[str],
    labels: Sequence[int],
    seeds: Sequence[int],
    options: dict[str, Any] | None = None,
) -> None:
    """Write the config of each method; those of earlier calls stay.

    Raises:
        JointError: When no method can be trained with these numbers, the model cannot take a
            method, or there are runs of another base config or with other `options`.
    """
    notes = _read_notes(folder)
    changed = {key: str(value) for key, value in (options or {}).items()}
    before = notes.get('options', {})
    if notes and changed != before and any(find_runs(folder, r) for r in read_study(folder).rows):
        said = ' '.join(f'{key}={value}' for key, value in before.items())
        raise JointError(
            f'{folder} has runs {f"with --cfg-options {said}" if said else "without --cfg-options"}'
            ': give the same, or another --work-dir.'
        )
    wanted = {}
    for name in methods:
        method = METHODS[name]
        if 'target' in method.domains and any(labels):
            wanted[name] = (name, True)
        if method.goes_unlabeled and ('target' not in method.domains or 0 in labels):
            stem = name + (UNLABELED if 'target' in method.domains else '')
            wanted[stem] = (name, False)
    left_out = [name for name in methods if name not in {name for name, _ in wanted.values()}]
    if left_out:
        raise JointError(
            f'The method {left_out[0]} needs labels of the target: give --labels above 0, or leave '
            'the method out.'
        )
    made = {stem: base.config_of(*what) for stem, what in wanted.items()}
    for stem, (cfg, _) in made.items():
        _check_unchanged(folder, stem, cfg)
    chosen = {**notes.get('chosen', {}), **{stem: found for stem, (_, found) in made.items()}}
    for stem, (cfg, _) in made.items():
        path = folder / CONFIGS / f'{stem}.py'
        atomic_write(path, f'# {METHODS[wanted[stem][0]].title}\n{cfg.pretty_text}')
    unseen = dict.fromkeys([*notes.get('unseen', []), *unseen_classes(base.target, labels, seeds)])
    content = {
        'config': base.name,
        'total': base.count_labels(),
        'chosen': chosen,
        'options': changed,
        'unseen': list(unseen),
    }
    atomic_write(folder / FILE, json.dumps(content, indent=1))


def read_study(folder: Path) -> Study:
    """Read which methods the study of a work dir has.

    Raises:
        JointError: When the folder holds no study.
    """
    notes = _read_notes(folder)
    if not notes:
        raise JointError(
            f'{folder} holds no study ({FILE}): name its work dir, or give a base config to begin '
            'one.'
        )
    # found by their configs, since two concurrent calls may overwrite each other's notes
    stems = [stem for name in METHODS for stem in (name, name + UNLABELED)]
    configs = {stem: folder / CONFIGS / f'{stem}.py' for stem in stems}
    rows = [
        Row(stem.removesuffix(UNLABELED), SCALE, (), path)
        for stem, path in configs.items()
        if path.is_file()
    ]
    return Study(
        id=folder.name,
        names=tuple(dict.fromkeys(row.name for row in rows)),
        base=TARGET_ONLY,
        rows=tuple(rows),
        folder=folder,
        **notes,
    )


def _read_notes(folder: Path) -> dict:
    path = folder / FILE
    try:
        return json.loads(path.read_text(encoding='utf-8')) if path.exists() else {}
    except ValueError as error:
        raise JointError(f'{path} is broken: delete it and give the base config again.') from error


def _check_unchanged(folder: Path, stem: str, cfg: Config) -> None:
    """Refuse to mix runs of two base configs."""
    row = Row(stem, SCALE, (), folder / CONFIGS / f'{stem}.py')
    if not row.path or not row.path.exists() or not find_runs(folder, row):
        return
    cfg.work_dir = ''
    parts, before = parts_of(cfg), row.parts
    cfg.pop('work_dir')
    for old, new in zip(before, parts):
        found = first_difference(old, new)
        if found:
            key, was, now = found
            raise JointError(
                f'{folder} has runs of {stem} with {key}={was}, and the config has {now} now: '
                'choose another --work-dir, or undo the change.'
            )
