"""A run that ends and is resumed, one NCCL rank, and an export."""

from __future__ import annotations

import copy

import pytest
import torch
from mmengine.model import MMDistributedDataParallel
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS

from mmseg_joint.engine.launch import build_runner
from mmseg_joint.export.plain_model import plain_model, without_training
from tests.cuda.steps import one_step
from tests.objective_cases import CASES, DEEPLAB
from tests.tiny import MODEL
from tests.tiny_configs import ROOT, tiny
from tests.tools.stopping import Stopped

STEPS = 4


@pytest.fixture
def deterministic(device):
    """On a GPU; a CPU is deterministic anyway."""
    before = torch.backends.cudnn.benchmark, torch.are_deterministic_algorithms_enabled()
    yield device.type == 'cuda'
    torch.backends.cudnn.benchmark = before[0]
    torch.use_deterministic_algorithms(before[1])
    torch.backends.cudnn.deterministic = False


def run(roots, folder, deterministic, stop=None, resume=False):
    """Train HRS; the name makes each Runner of a process its own."""
    cfg = tiny(ROOT / 'configs/hrs_fcn8s_gta_city.py', roots, folder)
    cfg.model.backbone.dropout_ratio = 0.5
    cfg.train_cfg.update(max_iters=STEPS, val_interval=STEPS + 1)
    cfg.default_hooks.checkpoint.update(interval=2)
    cfg.default_hooks.images.interval = 0
    cfg.env_cfg.cudnn_benchmark = False
    cfg.update(resume=resume, experiment_name=f'{folder.name}_{stop}_{resume}')
    cfg.randomness = dict(seed=0, deterministic=deterministic)
    if stop:
        cfg.custom_hooks.append(dict(type='StopHook', folder=folder.name, step=stop))
    runner = build_runner(cfg)
    if deterministic:  # what has no such algorithm may still come out alike
        torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        runner.train()
    except Stopped:
        assert runner.iter < STEPS
    return runner


def final(folder):
    found = torch.load(folder / f'iter_{STEPS}.pth', weights_only=False, map_location='cpu')
    return found['state_dict'], found['optimizer']


def test_resumed_run_ends_bit_for_bit_alike_with_deterministic_algorithms(
    roots, tmp_path, device, deterministic
):
    run(roots, tmp_path / 'whole', deterministic)
    run(roots, tmp_path / 'parts', deterministic, stop=3)
    resumed = run(roots, tmp_path / 'parts', deterministic, resume=True)
    assert next(resumed.model.parameters()).device.type == device.type
    expected, got = final(tmp_path / 'whole'), final(tmp_path / 'parts')
    for name, value in expected[0].items():
        assert torch.equal(got[0][name], value), name
    assert _moments(got[1]) == _moments(expected[1])


def test_resumed_run_goes_on_alike_without(roots, tmp_path, device):
    """The same images, draws, steps and rates; the weights up to the order of sums."""
    if device.type == 'cpu':
        pytest.skip('a CPU is deterministic: the test above says more')
    whole = run(roots, tmp_path / 'whole', False)
    run(roots, tmp_path / 'parts', False, stop=3)
    resumed = run(roots, tmp_path / 'parts', False, resume=True)
    assert resumed.iter == whole.iter == STEPS
    rates = [
        {name: wrapper.get_lr() for name, wrapper in runner.optim_wrapper.items()}
        for runner in (whole, resumed)
    ]
    assert rates[0] == rates[1]
    expected, got = final(tmp_path / 'whole')[0], final(tmp_path / 'parts')[0]
    for name, value in expected.items():
        # Adam turns a gradient that is all rounding into a step of its rate
        torch.testing.assert_close(got[name], value, rtol=1e-2, atol=2e-3, msg=name)


def _moments(state) -> dict:
    return {
        (network, key, name): value.tolist() if torch.is_tensor(value) else value
        for network, inner in state.items()
        for key, moments in inner['state'].items()
        for name, value in moments.items()
    }


@pytest.fixture
def group(device, tmp_path):
    backend = 'nccl' if device.type == 'cuda' else 'gloo'
    torch.distributed.init_process_group(backend, f'file://{tmp_path}/store', rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


def test_one_rank_of_a_group_steps_as_none(device, group):
    case = CASES['csa']
    model = case.build().double().to(device).train()
    alone = copy.deepcopy(model)
    expected = one_step(alone, case.optim_wrapper(alone), case.batch(count=2))
    ranked = MMDistributedDataParallel(
        model,
        device_ids=[0] if device.type == 'cuda' else None,
        broadcast_buffers=False,
    )
    log = ranked.train_step(case.batch(count=2), case.optim_wrapper(model))
    assert float(log['loss']) == pytest.approx(expected.log['loss'], rel=1e-9)
    for name, value in model.state_dict().items():
        torch.testing.assert_close(
            value.cpu(), expected.state[name], rtol=1e-9, atol=1e-12, msg=name
        )


def test_an_exported_model_predicts_alike(device):
    case = CASES['ga']
    model = case.build().to(device).train()
    one_step(model, case.optim_wrapper(model), case.batch(count=2))
    config = without_training({**MODEL, **DEEPLAB, 'type': 'JointEncoderDecoder'})
    plain = MODELS.build(plain_model(config))
    assert type(plain) is EncoderDecoder
    kept = {k: v for k, v in model.state_dict().items() if not k.startswith('objectives.')}
    plain.load_state_dict(kept)
    plain.to(device)
    predicted = []
    for network in (model.eval(), plain.eval()):
        inputs = network.data_preprocessor(case.batch())['inputs']
        size = tuple(inputs.shape[2:])
        meta = dict(img_shape=size, ori_shape=size, pad_shape=size)
        with torch.no_grad():
            predicted.append(network.encode_decode(inputs, [meta] * len(inputs)))
    assert predicted[0].device.type == device.type
    torch.testing.assert_close(*predicted, rtol=0, atol=0)
