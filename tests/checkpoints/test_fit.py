from __future__ import annotations

import pytest
import torch
from mmengine.config import Config
from torch import nn

from mmseg_joint.checkpoints.fit import check_checkpoint, load_model
from mmseg_joint.errors import JointError
from tests.tiny import MODEL, WEIGHTING, build


@pytest.fixture
def model():
    """A part that predicts and one that helps in training."""
    return nn.ModuleDict(dict(backbone=nn.Linear(2, 3), objectives=nn.Linear(3, 1)))


@pytest.fixture
def check(tmp_path, monkeypatch, model):
    """Save something and check it for a task."""
    monkeypatch.chdir(tmp_path)

    def check(task: str, content, wrapped: bool = False) -> None:
        torch.save(content, 'a.pth')
        network = nn.DataParallel(model) if wrapped else model
        cfg = Config(dict(load_from='a.pth', resume=task == 'resume'))
        check_checkpoint(cfg, network, 'test' if task == 'test' else 'train')

    return check


def training(state: dict) -> dict:
    meta = dict(iter=1, epoch=0)
    return dict(state_dict=state, meta=meta, optimizer=dict(), message_hub=dict())


def test_what_fits(check, model):
    state = model.state_dict()
    backbone = {key: value for key, value in state.items() if 'backbone' in key}
    check('resume', training(state))
    check('resume', training({f'module.{key}': value for key, value in state.items()}))
    check('resume', training(state), wrapped=True)
    check('test', dict(state_dict=backbone))
    check('test', {**state, 'auxiliary_head.weight': torch.zeros(1)})
    check('start', {'backbone.weight': torch.zeros(3, 2), 'other': torch.zeros(1)})
    check_checkpoint(Config(dict(load_from=None, resume=True)), model, 'train')


@pytest.mark.parametrize(
    ('task', 'change', 'message'),
    [
        ('resume', lambda s: s.pop('objectives.bias'), r'lacks 1 .*\(objectives\.bias\); give the'),
        ('resume', lambda s: s.update(more=torch.zeros(1)), r'has besides 1 .*\(more\)'),
        ('resume', lambda s: s.update({'backbone.bias': torch.zeros(9)}), 'in another shape 1'),
        ('test', lambda s: s.pop('backbone.bias'), r'lacks 1 .*\(backbone\.bias\)'),
        ('test', lambda s: s.update({'backbone.bias': torch.zeros(9)}), 'in another shape 1'),
        ('start', lambda s: (s.clear(), s.update(a=torch.zeros(1))), "fits none of the model's 4"),
        ('start', lambda s: s.update({k: s[k][..., None] for k in s}), "fits none of the model's"),
    ],
)
def test_what_does_not(check, model, task, change, message):
    state = dict(model.state_dict())
    change(state)
    with pytest.raises(JointError, match=rf'a\.pth.*{message}'):
        check(task, training(state))


@pytest.mark.parametrize(
    ('change', 'lacks'),
    [
        (dict.fromkeys(['meta', 'optimizer', 'message_hub']), 'meta, optimizer, message_hub'),
        (dict(meta=[1]), 'meta'),
        (dict(meta=dict(iter=1)), 'meta.epoch'),
        (dict(meta=dict(epoch=0, iter='1')), 'meta.iter'),
        (dict(optimizer='Adam'), 'optimizer'),
        (dict(message_hub=None, optimizer=3), 'optimizer, message_hub'),
    ],
)
def test_an_incomplete_state(check, model, change, lacks):
    with pytest.raises(JointError) as caught:
        check('resume', {**training(model.state_dict()), **change})
    assert f'a.pth has no {lacks} to go on from' in str(caught.value)


def test_only_the_named_objectives_are_read(tmp_path):
    config = Config(dict(model=dict(MODEL, objectives=dict(a=WEIGHTING, ab=WEIGHTING))))
    whole = build(config.model.objectives)
    torch.save(whole.state_dict(), tmp_path / 'a.pth')
    loaded = load_model(config, str(tmp_path / 'a.pth'), objectives=['a'])
    assert list(loaded.objectives) == ['a'] and not loaded.training
    state = whole.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in loaded.state_dict().items())


def test_a_config_in_a_file_is_not_run(check, model):
    content = training(model.state_dict())
    content['meta']['config'] = 'open("executed", "w")'
    with pytest.raises(JointError, match=r'a\.pth has the code of a config in meta\.config'):
        check('resume', content)


def test_schedules_are_needed_where_the_config_has_some(check, model):
    content = training(model.state_dict())
    torch.save(content, 'a.pth')
    cfg = Config(dict(load_from='a.pth', resume=True, param_scheduler=[dict(type='PolyLR')]))
    with pytest.raises(JointError, match='has no param_schedulers to go on from'):
        check_checkpoint(cfg, model, 'train')
    for state in ([{}], dict(segmentor=[{}])):
        torch.save({**content, 'param_schedulers': state}, 'a.pth')
        check_checkpoint(cfg, model, 'train')
