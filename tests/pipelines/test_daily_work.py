"""The child configs of docs/daily_work.md train, or say what they need."""

from __future__ import annotations

import re
from importlib.util import find_spec

import pytest

from mmseg_joint.engine.launch import build_runner
from mmseg_joint.errors import JointError
from tests.doctor.healthy import assert_healthy
from tests.tiny_configs import ROOT, tiny

PAGE = (ROOT / 'docs' / 'daily_work.md').read_text(encoding='utf-8')
BLOCKS = dict(re.findall(r'```python\n# (\w+)\.py\n(.*?)```', PAGE, re.S))
NEEDS = dict(tensorboard='tensorboard', wandb='wandb', mlflow='mlflow', timm_backbone='timm')
CHANGED = dict(
    averaged=lambda runner: 'teacher' in runner.model.objectives,
    stopping=lambda runner: 'EarlyStoppingHook' in map(type_name, runner.hooks),
    accumulated=lambda runner: runner.optim_wrapper._accumulative_counts == 4,
    half=lambda runner: str(runner.optim_wrapper.dtype).endswith('bfloat16'),
    compiled=lambda runner: runner.model.backbone._compiled_call_impl is not None,
    timm_backbone=lambda runner: type_name(runner.model.backbone) == 'TimmBackbone',
)


def type_name(thing) -> str:
    return type(thing).__name__


@pytest.mark.parametrize('name', BLOCKS)
def test_the_snippet_trains(name, roots, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / f'{name}.py'
    path.write_text(BLOCKS[name], encoding='utf-8')
    cfg = tiny(path, roots, tmp_path / 'work')
    if name == 'timm_backbone':
        cfg.model.decode_head.in_channels = [64, 64, 128, 512]
    package = NEEDS.get(name)
    if package and find_spec(package) is None:
        with pytest.raises((JointError, ImportError), match=f'pip install .*{package}'):
            build_runner(cfg)
        return
    assert_healthy(cfg, tmp_path, capsys)
    runner = build_runner(cfg)
    runner.train()
    assert runner.iter == 2
    assert CHANGED.get(name, lambda runner: len(runner.visualizer._vis_backends) == 2)(runner)


def test_every_section_of_the_table_has_a_snippet():
    sections = re.findall(r'^\| .* \| \[(.*)\]\(#', PAGE, re.M)
    assert len(sections) == 8
    for section in sections:
        assert re.search(rf'^## {section}\n.*?```(python\n# \w+\.py|bash)', PAGE, re.M | re.S)
