"""`tools/tables.py` as a user calls it."""

from __future__ import annotations

import json
import os
from functools import partial

import pytest
import yaml
from mmengine.config import Config
from PIL import Image

from mmseg_joint.errors import JointError
from tests.study.logs import write_run
from tests.tiny_configs import ROOT, tiny
from tests.tools.loading import load_tool, train_here

ROWS = {'FCN': 'squeezenet_camvid', 'Target Finetuning': 'finetune_squeezenet_streets_camvid'}


@pytest.fixture
def tool(monkeypatch):
    monkeypatch.setenv('PYTHONPATH', os.pathsep.join([str(ROOT), os.environ.get('PYTHONPATH', '')]))
    return load_tool('tables')


@pytest.fixture
def main(tool):
    return lambda *arguments: tool.main([str(argument) for argument in arguments])


@pytest.fixture
def configs(roots, tmp_path):
    """Write two rows of HRS' Table 1, with two iterations per stage, and their metafiles."""
    index = yaml.safe_load((ROOT / 'model-index.yml').read_text(encoding='utf-8'))
    for name in index['Import']:
        content = yaml.safe_load((ROOT / name).read_text(encoding='utf-8'))
        content['Models'] = [m for m in content['Models'] if m['Name'] in ROWS.values()]
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(yaml.safe_dump(content))
    (tmp_path / 'model-index.yml').write_text(yaml.safe_dump(index))
    folder = tmp_path / 'configs'
    for stem in ROWS.values():
        cfg = tiny(ROOT / f'configs/{stem}.py', roots, tmp_path / 'unused')
        cfg.pop('work_dir')
        cfg.visualizer.pop('name')  # mmengine keeps one of that name for the whole process
        cfg.custom_imports = dict(imports=['mmseg_joint'], allow_failed_imports=False)
        cfg.dump(folder / f'{stem}.py')
    return folder


def test_a_table_is_run_continued_and_reported(
    main, tool, configs, roots, tmp_path, capsys, monkeypatch
):
    runs, out, figure = tmp_path / 'runs', tmp_path / 'table.md', tmp_path / 'table.png'
    arguments = (
        *('--run', 'hrs1', '--scale', 'camvid', '--configs', configs, '--work-dirs', runs),
        *('--seeds', 1, '--labels', 2, '--cfg-options', 'train_dataloader.num_workers=0'),
    )
    wrong = ('--data', f'CamVidDataset={tmp_path / "nowhere"}')
    with pytest.raises(JointError, match=r'1 run failed: look at .*train\.log'):
        main(*arguments, '--rows', 'FCN', *wrong)
    said = capsys.readouterr().out
    assert 'nowhere' in said.split('failed: ')[1].splitlines()[0]
    assert '| FCN | 2 | - | 0 | - |' in said

    monkeypatch.setattr(tool, 'start_process', lambda *_: partial(train_here, monkeypatch))
    data = [f'{kind}={roots[kind]}' for kind in ('CamVidDataset', 'GTADataset')]
    main(*arguments, '--data', *data, '--out', out, '--figure', figure)
    said = capsys.readouterr().out
    text = out.read_text(encoding='utf-8')
    assert text in said
    for row, stem in ROWS.items():
        folder = runs / stem / '2/seed1'
        last = folder / 'finetune' if row == 'Target Finetuning' else folder
        logs = [line for log in last.glob('*/vis_data/scalars.json') for line in log.open()]
        miou = json.loads(logs[-1])['mIoU']
        assert f'| {row} | 2 | {miou:.1f} | 1 | {"2 + 2" if last != folder else 2} |' in text
        (kept, *_) = last.glob('*/vis_data/config.py')
        cfg = Config.fromfile(kept)
        assert (cfg.randomness.seed, cfg.train_dataloader.dataset.domains.target.seed) == (1, 1)
    assert Image.open(figure).width == 1600

    main(*arguments)
    assert '2 of 2 runs are finished' in capsys.readouterr().out
    with pytest.raises(JointError, match=r'max_iters=2, and 4 is wanted now: give other'):
        main(*arguments, 'train_cfg.max_iters=4', '--rows', 'FCN')


def test_listing_and_the_commands_of_a_dry_run(main, configs, tmp_path, capsys):
    listing = ('--configs', configs, '--table', 'hrs1')
    main(*listing, '--scale', 'camvid')
    assert '| Target Finetuning | 2 | - | 0 | - | `finetune_squee' in capsys.readouterr().out
    main('--configs', configs)
    said = capsys.readouterr().out
    assert said.count('### ') == 17
    run = ('--run', 'hrs1', '--scale', 'camvid', '--dry-run', '--work-dirs', tmp_path / 'runs')
    main('--configs', configs, *run, '--rows', 'FCN', '--seeds', 3, '--labels', 5)
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith('python tools/train.py ')
    assert f'--work-dir {tmp_path}/runs/squeezenet_camvid/5/seed3 --resume' in line
    assert 'target.count=5' in line
    assert not (tmp_path / 'runs').exists()


def test_refusals(main, configs, tmp_path):
    with pytest.raises(JointError, match='--figure draws one table: name it with --table'):
        main('--configs', configs, '--figure', tmp_path / 'x.png')
    with pytest.raises(JointError, match='name two tables'):
        main('--configs', configs, '--table', 'hrs1', '--run', 'hrs2')
    write_run(tmp_path / 'runs/squeezenet_camvid/2/seed0', 30.0, labels=2)
    figure = ('--figure', tmp_path / 'x.gif', '--work-dirs', tmp_path / 'runs')
    with pytest.raises(JointError, match=r'end its name in \.png'):
        main('--configs', configs, '--table', 'hrs1', '--scale', 'camvid', *figure)
    (tmp_path / 'table.md').write_text('an earlier table')
    with pytest.raises(JointError, match='no row at the scale "camvid": choose another --scale'):
        main(
            '--configs',
            configs,
            *('--table', 'hrs2', '--scale', 'camvid'),
            '--out',
            tmp_path / 'table.md',
        )
    assert (tmp_path / 'table.md').read_text() == 'an earlier table'
