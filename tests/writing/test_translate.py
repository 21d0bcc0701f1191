"""tools/translate.py from a checkpoint to a dataset that trains."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmseg.registry import DATASETS, MODELS

from mmseg_joint.errors import JointError
from mmseg_joint.writing.images import labeled_images_of_domain
from tests.tiny_configs import ROOT, tiny

TOOL = ROOT / 'tools/translate.py'


@pytest.mark.parametrize('channels', ['bgr', 'rgb'])
def test_images_are_translated_and_keep_their_labels(roots, tmp_path, call, channels):
    cfg = tiny(ROOT / 'configs/bdl_translation_streets_camvid.py', roots, tmp_path / 'work')
    cfg.model.data_preprocessor.bgr_to_rgb = channels == 'rgb'
    cfg.dump(tmp_path / 'config.py')
    model = MODELS.build(cfg.model).eval()
    torch.save({'state_dict': model.state_dict(), 'meta': {}}, tmp_path / 'a.pth')
    out = tmp_path / 'translated'
    arguments = (tmp_path / 'config.py', tmp_path / 'a.pth', '--out', out)
    assert call(TOOL, *arguments, '--workers', 0).status == 0
    originals = labeled_images_of_domain(cfg, 'source')
    steps = [dict(type='LoadCheckedImage'), dict(type='LoadMappedAnnotations')]
    written = DATASETS.build(
        dict(
            type='WrittenDataset',
            data_root=str(out),
            pipeline=[*steps, dict(type='PackSegInputs')],
        )
    )
    assert len(originals) == len(written) == 3
    assert written.metainfo['classes'] == originals.metainfo['classes']
    for packed, original in zip(written, originals):
        kept = original['data_samples'].gt_sem_seg.data
        assert torch.equal(packed['data_samples'].gt_sem_seg.data, kept)
        image = original['inputs'].double()  # blue first, as OpenCV loads
        image = image.flip(0) if channels == 'rgb' else image
        with torch.no_grad():
            drawn = model.objectives.translation.translate((image / 127.5 - 1).float()[None])[0]
        drawn = drawn.flip(0) if channels == 'rgb' else drawn
        wanted = ((drawn.numpy() + 1) * 127.5).transpose(1, 2, 0)
        got = cv2.imread(packed['data_samples'].metainfo['img_path'])
        assert np.abs(got - wanted).max() <= 0.51 + 1e-3
        assert got.std() > 0
    assert call(TOOL, *arguments).status == 2


def test_configs_that_cannot_translate_are_reported_before_anything_is_replaced(
    roots, tmp_path, call
):
    cfg = tiny(ROOT / 'configs/bdl_translation_streets_camvid.py', roots, tmp_path / 'work')
    cfg.model.objectives = {}
    cfg.dump(tmp_path / 'config.py')
    torch.save({'state_dict': MODELS.build(cfg.model).state_dict(), 'meta': {}}, tmp_path / 'a.pth')
    out = roots['WrittenDataset']
    before = sorted(out.rglob('*'))
    arguments = (tmp_path / 'config.py', tmp_path / 'a.pth', '--out', out, '--force')
    ended = call(TOOL, *arguments, '--workers', 0)
    assert ended.status == 2 and 'no CycleTranslation in model.objectives' in ended.stderr
    assert sorted(out.rglob('*')) == before
    cfg = Config.fromfile(ROOT / 'configs/bdl_translation_gta_city.py')
    with pytest.raises(JointError, match=r'no train_dataloader\.dataset\.domains\.sauce'):
        labeled_images_of_domain(cfg, 'sauce')


@pytest.mark.parametrize('tool', ['translate', 'pseudo_labels'])
def test_images_that_are_read_are_not_replaced(roots, tmp_path, call, pipeline, tool):
    cfg = tiny(ROOT / 'configs/bdl_translation_streets_camvid.py', roots, tmp_path / 'work')
    cfg.model.decode_head.num_classes = 19
    out = roots['WrittenDataset']
    domains = cfg.train_dataloader.dataset.domains
    read = dict(type='WrittenDataset', data_root=str(out), pipeline=pipeline())
    cfg.train_dataloader.dataset.domains = dict.fromkeys(domains, read)
    cfg.dump(tmp_path / 'config.py')
    torch.save({'state_dict': MODELS.build(cfg.model).state_dict(), 'meta': {}}, tmp_path / 'a.pth')
    before = sorted(out.rglob('*'))
    arguments = (tmp_path / 'config.py', tmp_path / 'a.pth', '--out', out, '--force')
    ended = call(ROOT / f'tools/{tool}.py', *arguments)
    assert ended.status == 2
    assert f'--out {out} holds the images to read, ' in ended.stderr, ended
    assert sorted(out.rglob('*')) == before
