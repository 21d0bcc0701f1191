from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS
from PIL import Image

from mmseg_joint.checkpoints.fit import load_model
from mmseg_joint.utils.cli import run
from mmseg_joint.visualization.predictions import predict
from tests.tiny import HRS, MODEL, build
from tests.tools.loading import load_tool

NAMES = ('HRS', r'plain\smmseg')
ELEVEN = {**MODEL['decode_head'], 'num_classes': 11}


def call(monkeypatch, name, *args):
    tool = load_tool(name)
    drawn, save = [], tool.save_figure
    tool.save_figure = lambda figure, path: (drawn.append(figure), save(figure, path))
    monkeypatch.setattr(sys, 'argv', [name, *(str(arg) for arg in args)])
    run(tool.main)
    return drawn[0]


def refusal(monkeypatch, capsys, name, *args) -> str:
    with pytest.raises(SystemExit) as stop:
        call(monkeypatch, name, *args)
    assert stop.value.code == 2
    message = capsys.readouterr().err.strip()
    assert message.startswith('error: ') and '\n' not in message
    return message


def save_config(path: Path, **values) -> Path:
    Config(values).dump(str(path))
    return path


@pytest.fixture
def trained(tmp_path, write_gta, write_camvid, pipeline):
    """Write a config with its data and the checkpoint of an untrained network."""
    write_gta(tmp_path / 'gta', height=36, width=48)
    write_camvid(tmp_path / 'camvid', split='val')
    # the pretrained file does not exist, so the tools fail if they look for it
    backbone = {**MODEL['backbone'], 'init_cfg': {'type': 'Pretrained', 'checkpoint': 'no.pth'}}
    model = {**MODEL, 'decode_head': ELEVEN, 'backbone': backbone, 'objectives': HRS}
    source = {'type': 'GTADataset', 'protocol': 'camvid', 'data_root': str(tmp_path / 'gta')}
    test = {
        'type': 'CamVidDataset',
        'data_root': str(tmp_path / 'camvid'),
        'data_prefix': {'img_path': 'images/val', 'seg_map_path': 'labels/val'},
        'pipeline': pipeline(),
    }
    domains = {'source': {**source, 'pipeline': pipeline('LoadMappedAnnotations')}}
    config = save_config(
        tmp_path / 'hrs.py',
        default_scope='mmseg',
        model=model,
        train_dataloader={'dataset': {'type': 'JointDataset', 'domains': domains}},
        test_dataloader={'dataset': test},
    )
    built = build(HRS, decode_head=ELEVEN)
    for layer in (built.decode_head.conv_seg, built.decode_head.score_pool3):
        torch.nn.init.normal_(layer.weight)  # so that several classes are predicted
    torch.save({'state_dict': built.state_dict(), 'meta': {}}, tmp_path / 'hrs.pth')
    return config, tmp_path / 'hrs.pth'


def without(checkpoint: Path, part: str) -> Path:
    state = torch.load(checkpoint)['state_dict']
    kept = {key: value for key, value in state.items() if not key.startswith(part)}
    path = checkpoint.with_name('without.pth')
    torch.save({'state_dict': kept, 'meta': {}}, path)
    return path


def test_weighting_maps(trained, tmp_path, monkeypatch):
    config, checkpoint = trained
    out = tmp_path / 'figures' / 'maps.png'
    call(monkeypatch, 'plot_weighting_maps', config, checkpoint, '--out', out, '--count', 2)
    first = Image.open(out).convert('RGB').tobytes()
    lean = without(checkpoint, 'objectives.gan')  # the GAN is not drawn, so it may be absent
    call(monkeypatch, 'plot_weighting_maps', config, lean, '--out', out, '--count', 2)
    assert Image.open(out).convert('RGB').tobytes() == first
    call(monkeypatch, 'plot_weighting_maps', config, lean, '--out', out, '--count', 2, '--seed', 1)
    assert Image.open(out).convert('RGB').tobytes() != first


def test_weighting_maps_refuse_configs_without_any(trained, tmp_path, monkeypatch, capsys):
    config, checkpoint = trained
    tool, out = 'plot_weighting_maps', tmp_path / 'maps.png'
    bare = without(checkpoint, 'objectives.weighting')
    message = refusal(monkeypatch, capsys, tool, config, bare, '--out', out)
    assert 'without.pth does not fit' in message
    assert 'it lacks 30 ' in message and 'objectives.weighting.networks.pixel' in message
    message = refusal(
        *(monkeypatch, capsys, tool, config, checkpoint, '--out', out),
        *('--cfg-options', 'model.objectives.weighting=None'),
    )
    assert 'no HierarchicalWeighting in model.objectives' in message
    message = refusal(monkeypatch, capsys, tool, config, tmp_path / 'no.pth', '--out', out)
    assert 'no checkpoint' in message
    (tmp_path / 'text.pth').write_text('hello')
    message = refusal(monkeypatch, capsys, tool, config, tmp_path / 'text.pth', '--out', out)
    assert 'text.pth cannot be loaded' in message
    assert not out.exists()


def test_weights_over_training(trained, tmp_path, monkeypatch, capsys):
    config, checkpoint = trained
    later = checkpoint.with_name('later.pth')
    later.write_bytes(checkpoint.read_bytes())
    out = tmp_path / 'weights.png'
    init_default_scope('mmengine')  # as in a fresh process, where no scope is set
    call(
        *(monkeypatch, 'plot_weights', config, checkpoint, later),
        *('--out', out, '--count', 2),
    )
    assert Image.open(out).width == 1600
    first, second, last = capsys.readouterr().out.strip().splitlines()[-3:]
    assert first.startswith('hrs: mean weight 0.')
    assert second == first.replace('hrs', 'later', 1)
    assert last.endswith('2 source images')


def test_predictions(trained, tmp_path, monkeypatch):
    config, checkpoint = trained
    plain = {**MODEL, 'decode_head': ELEVEN, 'type': 'EncoderDecoder'}
    plain['data_preprocessor'] = {**MODEL['data_preprocessor'], 'type': 'SegDataPreProcessor'}
    other = save_config(tmp_path / 'plain.py', default_scope='mmseg', model=plain)
    models = f'HRS={config}:{checkpoint}', f'plain mmseg={other}:{checkpoint}'
    out = tmp_path / 'fig.png'
    figure = call(monkeypatch, 'plot_predictions', '--out', out, '--count', 2, *models, '--score')
    assert Image.open(out).width == 1600
    titles = [axes.get_title() for axes in figure.axes[:4]]
    assert titles[:2] == ['image', 'ground truth']
    found = [
        re.fullmatch(rf'{n}, mIoU ([\d.]+) on 3\simages', t) for n, t in zip(NAMES, titles[2:])
    ]
    assert found[0][1] == found[1][1]
    # the same by hand, over the pixels of all three images
    counts = np.zeros((11, 11))
    dataset = DATASETS.build(Config.fromfile(config).test_dataloader.dataset)
    model = load_model(Config.fromfile(config), str(checkpoint))
    for sample in (dataset[index] for index in range(3)):
        labels = sample['data_samples'].gt_sem_seg.data[0].numpy()
        np.add.at(counts, (labels[labels < 11], predict(model, sample)[labels < 11]), 1)
    union = counts.sum(0) + counts.sum(1) - counts.diagonal()
    iou = 100 * np.nanmean(counts.diagonal() / np.where(union, union, np.nan))
    assert float(found[0][1]) == pytest.approx(iou, abs=0.06)
    for row in (figure.axes[:4], figure.axes[6:10]):
        ours, theirs = (axes.images[0].get_array() for axes in row[2:])
        np.testing.assert_array_equal(ours, theirs)  # the same weights
        assert len(np.unique(ours.reshape(-1, 3), axis=0)) > 1


def test_predictions_are_prepared_by_each_models_own_pipeline_inside_wrappers(trained, pipeline):
    whole = Config.fromfile(trained[0]).test_dataloader.dataset
    wrapped = dict(type='LabelSubset', count=2, dataset=whole)
    small = {**whole, 'pipeline': pipeline('LoadAnnotations', dict(type='Resize', scale=(20, 16)))}
    small = dict(type='LabelSubset', count=1, dataset=small)
    of = lambda dataset: Config(dict(test_dataloader=dict(dataset=dataset)))  # noqa: E731
    same_images = load_tool('plot_predictions').same_images
    for first, count in ((whole, 3), (wrapped, 2)):
        built = DATASETS.build(first)
        assert same_images(of(first), of(wrapped), built) is built
        found = same_images(of(first), of(small), built)
        assert len(found) == count and found[0]['inputs'].shape == (3, 16, 20)
        assert built[0]['inputs'].shape == (3, 36, 48)


def test_predictions_refuse_bad_models(trained, tmp_path, monkeypatch, capsys):
    config, checkpoint = trained
    tool, out = 'plot_predictions', tmp_path / 'fig.png'
    message = refusal(monkeypatch, capsys, tool, '--out', out, f'{config}:{checkpoint}')
    assert 'is not NAME=CONFIG:CHECKPOINT' in message
    twice = [f'A={config}:{checkpoint}'] * 2
    assert 'same NAME' in refusal(monkeypatch, capsys, tool, '--out', out, *twice)
    five = save_config(tmp_path / 'five.py', default_scope='mmseg', model={**MODEL})
    torch.save({'state_dict': build().state_dict()}, tmp_path / 'five.pth')
    models = f'A={config}:{checkpoint}', f'B={five}:{tmp_path / "five.pth"}'
    message = refusal(monkeypatch, capsys, tool, '--out', out, *models)
    assert 'B predicts 5 classes' in message and '11' in message
    message = refusal(monkeypatch, capsys, tool, '--out', out, *models[1:])
    assert 'has no test_dataloader.dataset' in message
    message = refusal(monkeypatch, capsys, tool, '--out', out, f'A={config}:{tmp_path}/five.pth')
    assert 'five.pth does not fit' in message and 'in another shape' in message


def test_curves(tmp_path, monkeypatch, capsys):
    for name in ('a0', 'a1', 'b0'):
        folder = tmp_path / name / '20200101_000000' / 'vis_data'
        folder.mkdir(parents=True)
        lines = [{'target.decode.loss_ce': 1.0, 'iter': i, 'step': i} for i in (1, 2)]
        (folder / 'scalars.json').write_text('\n'.join(map(json.dumps, lines)))
    out = tmp_path / 'curves.png'
    runs = [f'{name[0]}={tmp_path / name}' for name in ('a0', 'a1', 'b0')]
    call(monkeypatch, 'plot_curves', '--out', out, *runs)
    assert Image.open(out).width == 1600
    assert 'a (2), b (1)' in capsys.readouterr().out
    for words in (f'a={tmp_path / "no"}', str(tmp_path / 'a0'), 'a=', runs[0][1:]):
        message = refusal(monkeypatch, capsys, 'plot_curves', '--out', out, words)
        assert f'{words} is not NAME=WORK_DIR' in message
    message = refusal(monkeypatch, capsys, 'plot_curves', '--out', out, f'a={tmp_path}')
    assert 'holds no training log' in message
    message = refusal(monkeypatch, capsys, 'plot_curves', '--out', tmp_path / 'x.gif', runs[0])
    assert 'end its name in .png' in message
