"""What the README and the docs ask a user to write or run exists and works."""

from __future__ import annotations

import json
import os
import re
import runpy
import sys
from multiprocessing import get_context

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

from mmseg_joint.datasets.label_maps import CITYSCAPES_IDS
from mmseg_joint.engine.launch import build_runner
from tests.doctor.healthy import assert_healthy
from tests.shortcuts import import_ahead
from tests.tiny_configs import ROOT, SIZE, shrink, tiny

PAGES = [ROOT / 'README.md', *sorted((ROOT / 'docs').glob('*.md'))]
TEXT = {page.name: page.read_text(encoding='utf-8') for page in PAGES}


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.name)
def test_files_and_links_exist(page):
    text = TEXT[page.name]
    named = re.findall(r'(?<!\w/)\b((?:configs|tools|mmseg_joint|requirements)/[\w/.]+\.\w+)', text)
    linked = [link for link in re.findall(r'\]\(([^)#]+)\)', text) if '://' not in link]
    missing = [name for name in named if not (ROOT / name).exists()]
    missing += [link for link in linked if not (page.parent / link).exists()]
    assert not missing


def flags_by_tool():
    found = {}
    for text in TEXT.values():
        for line in text.replace('\\\n', ' ').splitlines():
            for tool in re.findall(r'(tools/[\w/]+\.py)', line):
                found.setdefault(tool, set()).update(re.findall(r' (--[a-z-]+)', line))
    return found


@pytest.mark.parametrize(('tool', 'flags'), sorted(flags_by_tool().items()))
def test_tools_know_the_flags_that_the_pages_use(tool, flags, lines):
    ended = lines.run(ROOT / tool, '--help', cwd=ROOT)
    assert ended.status == 0, ended.stderr
    assert not [flag for flag in flags if flag not in ended.stdout]


CHILD = re.compile(r'```python\n((?:# \w+\.py\n)?_base_ = .*?)```', re.S)
CHILDREN = {name: CHILD.findall(text) for name, text in TEXT.items() if CHILD.search(text)}
# their configs refer to each other or need their own data: checked where they are trained
ASKED_ELSEWHERE = {'joint_config.md', 'daily_work.md', 'objective_tutorial.md', 'recipes.md'}
OTHERS = {f'{n}-{i}': b for n in {*CHILDREN} - ASKED_ELSEWHERE for i, b in enumerate(CHILDREN[n])}


def read_child(block, roots, folder):
    """Read a config of the docs, as if it were in configs/, in its tiny form."""
    for base in ("'_base_/", "'./"):
        block = block.replace(base, f"'{ROOT}/configs/{base[1:]}")
    path = folder / 'child.py'
    path.write_text(block, encoding='utf-8')
    return tiny(path, roots, folder / 'work')


@pytest.mark.parametrize('name', sorted(OTHERS))
def test_the_doctor_finds_nothing_wrong_with_a_config_of_the_docs(name, tmp_path, roots, capsys):
    assert_healthy(read_child(OTHERS[name], roots, tmp_path), tmp_path, capsys)


def test_every_page_with_a_config_is_known():
    assert set(CHILDREN) == {*ASKED_ELSEWHERE, 'install.md', 'pseudo_labels.md', 'stages.md'}


@pytest.mark.parametrize('block', CHILDREN['recipes.md'])
def test_the_recipes_of_the_docs_train(block, tmp_path, roots, capsys):
    cfg = read_child(block, roots, tmp_path)
    assert_healthy(cfg, tmp_path, capsys)
    runner = build_runner(cfg)
    runner.train()
    mixes = [key for key in runner.message_hub.log_scalars if '_mix.' in key or '_masked.' in key]
    assert runner.iter == 2 and mixes


def test_the_child_config_of_the_docs_trains(tmp_path, roots, capsys):
    text = TEXT['joint_config.md']
    (block,) = re.findall(r"```python\n(_base_ = \[\n    'mmseg::.*?)```", text, re.S)
    path = tmp_path / 'child.py'
    path.write_text(block, encoding='utf-8')
    try:
        cfg = Config.fromfile(path)
    except FileNotFoundError:
        pytest.skip('this mmseg was installed without its configs')
    for label in (roots['CityscapesIdsDataset'] / 'gtFine').rglob('*_labelIds.png'):
        train_ids = np.vectorize(CITYSCAPES_IDS.get)(np.array(Image.open(label)))
        name = label.name.replace('labelIds', 'labelTrainIds')
        Image.fromarray(train_ids.astype(np.uint8)).save(label.with_name(name))
    roots['CityscapesDataset'] = roots['CityscapesIdsDataset']
    for key in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        shrink(cfg[key], roots)
        cfg[key].update(num_workers=0, persistent_workers=False)
    cfg.model.backbone.init_cfg = None
    cfg.model.data_preprocessor.size = SIZE
    cfg.model.test_cfg = dict(mode='whole')
    cfg.train_cfg.update(max_iters=2, val_interval=2)
    cfg.work_dir = str(tmp_path / 'work')
    assert_healthy(cfg, tmp_path, capsys)
    runner = build_runner(cfg)
    runner.train()
    logged = runner.message_hub.log_scalars
    assert logged['train/weighting.loss_source'].current() > 0
    assert logged['val/mIoU'].current() >= 0


def test_what_a_newcomer_looks_for_is_where_the_page_says():
    _, table = TEXT['architecture.md'].split('| what | where | look for |')
    rows = [line.split('|')[1:-1] for line in table.strip().splitlines()[1:]]
    assert len(rows) == 20
    for what, where, symbol in rows:
        text = ''.join(
            (ROOT / 'docs' / link).read_text(encoding='utf-8')
            for link in re.findall(r'\]\(([^)]+)\)', where)
        )
        assert symbol.strip(' `') in text, what


def run_in_a_fork(words, folder, function=None):
    """Run a script as a command line does, or a function of it, without new imports."""

    def main():
        os.chdir(folder)
        sys.path.insert(0, str(folder))
        script = words[0] if function else str(ROOT / words[0])
        sys.argv = [script, *words[1:]]
        found = runpy.run_path(script, run_name='found' if function else '__main__')
        if function:
            found[function]()

    import_ahead()
    child = get_context('fork').Process(target=main)
    child.start()
    child.join()
    assert child.exitcode == 0, words


def test_the_tutorial_ends_in_a_trained_model(tmp_path):
    text = TEXT['objective_tutorial.md']
    for name, block in re.findall(r'```python\n# (\w+\.py)\n(.*?)```', text, re.S):
        (tmp_path / name).write_text(block, encoding='utf-8')
    blocks = re.findall(r'```bash\n(.*?)```', text, re.S)
    lines = [line.split('python ')[1] for block in blocks for line in block.splitlines()]
    for line in (*lines, 'tools/train.py classifier_streets.py'):
        run_in_a_fork(line.split(), tmp_path)
    for config in ('coral_streets.py', 'classifier_streets.py'):
        run_in_a_fork(['mmseg_joint/doctor/__main__.py', config], tmp_path)
    run_in_a_fork(['test_coral.py'], tmp_path, 'test_covariance_is_numpys')
    for name in ('coral_streets', 'classifier_streets'):
        assert (tmp_path / 'work_dirs' / name / 'iter_10.pth').exists()
        (scalars,) = (tmp_path / 'work_dirs' / name).glob('*/vis_data/scalars.json')
        logged = [json.loads(line) for line in scalars.read_text(encoding='utf-8').splitlines()]
        assert sum('coral.loss_coral' in line for line in logged) == 10
    assert 'classifier.loss_classifier' in logged[0]
