from __future__ import annotations

import json

import numpy as np
import pytest

from mmseg_joint.errors import JointError
from mmseg_joint.visualization.scalars import over_seeds, read_scalars, sort_into_panels


def write_log(work_dir, start: str, lines: list, tail: str = ''):
    folder = work_dir / start / 'vis_data'
    folder.mkdir(parents=True)
    text = ''.join(json.dumps(line) + '\n' for line in lines)
    (folder / 'scalars.json').write_text(text + tail)


def train(step: int, **values) -> dict:
    return {'loss': 1.0, **values, 'iter': step, 'step': step}


def as_lists(series):
    return {name: (steps.tolist(), values.tolist()) for name, (steps, values) in series.items()}


def test_a_log_is_read_exactly(tmp_path):
    lines = [
        train(10, **{'source.decode.loss_ce': 2.5, 'time': 0.1}),
        {'mIoU': 30.25, 'step': 10},
        train(20, **{'source.decode.loss_ce': 1.25, 'time': 0.2}),
        {'mIoU': 41.5, 'time': 9.0, 'step': 20},  # the time is of a validation step
    ]
    write_log(tmp_path, '20200101_000000', lines)
    assert as_lists(read_scalars(tmp_path)) == {
        'loss': ([10, 20], [1.0, 1.0]),
        'source.decode.loss_ce': ([10, 20], [2.5, 1.25]),
        'time': ([10, 20], [0.1, 0.2]),
        'mIoU': ([10, 20], [30.25, 41.5]),
    }
    single = read_scalars(tmp_path / '20200101_000000')  # one start of the run
    assert as_lists(single) == as_lists(read_scalars(tmp_path))


def test_a_resumed_run_is_one_curve(tmp_path):
    """Killed at 35 after the checkpoint of 20, while a line was written; then tested."""
    first = [*(train(step, a=step) for step in (10, 20, 30)), {'mIoU': 40.0, 'step': 20}]
    write_log(tmp_path, '20200101_000000', first, tail='{"a": 35, "it')
    write_log(tmp_path, '20200102_000000', [train(30, a=31), train(40, a=41)])
    write_log(tmp_path, '20200103_000000', [{'mIoU': 55.0, 'step': 0}])
    found = as_lists(read_scalars(tmp_path))
    assert found['a'] == ([10, 20, 30, 40], [10, 20, 31, 41])
    assert found['mIoU'] == ([20], [40.0])


def test_a_validation_redone_by_a_resumed_run_counts(tmp_path):
    """Killed in its last validation, and resumed with nothing left to train."""
    write_log(tmp_path, '20200101_000000', [train(10), {'mIoU': 30.0, 'step': 10}, train(20)])
    write_log(tmp_path, '20200102_000000', [{'mIoU': 40.0, 'step': 20}])
    found = as_lists(read_scalars(tmp_path))
    assert found == {'loss': ([10, 20], [1.0, 1.0]), 'mIoU': ([10, 20], [30.0, 40.0])}


def test_a_restarted_run_replaces_the_old_one(tmp_path):
    write_log(tmp_path, '20200101_000000', [train(10, a=1, b=2), train(20, a=2, b=3)])
    write_log(tmp_path, '20200102_000000', [train(10, a=5)])
    found = as_lists(read_scalars(tmp_path))
    assert found['a'] == ([10], [5])
    assert 'b' not in found


def test_a_work_dir_of_tests_alone_has_their_results(tmp_path):
    write_log(tmp_path, '20200103_000000', [{'mIoU': 55.0, 'step': 0}])
    assert as_lists(read_scalars(tmp_path)) == {'mIoU': ([0], [55.0])}


def test_broken_and_absent_logs_are_named(tmp_path):
    with pytest.raises(JointError, match='holds no training log'):
        read_scalars(tmp_path)
    write_log(tmp_path, '20200101_000000', [])
    with pytest.raises(JointError, match='holds no training log'):
        read_scalars(tmp_path)
    write_log(tmp_path, '20200102_000000', [train(1), ['no', 'dict'], train(2)])
    with pytest.raises(JointError, match=r'Line 2 of .*scalars\.json is not a log line'):
        read_scalars(tmp_path)


def test_values_are_sorted_into_panels():
    names = [
        'base_lr',
        'segmentor.lr',
        'gan.generator.lr',
        'time',
        'grad_norm',
        'loss',
        'target.decode.loss_ce',
        'target.decode.acc_seg',
        'source.decode.loss_ce',
        'source.aux.loss_ce',
        'unlabeled.decode.loss_ce',
        'weighting.loss_source',
        'weighting.loss_target',
        'weighting.mean_weight',
        'gan.loss_generator',
        'gan.loss_discriminator',
        'gan.loss_encoder',
        'gan.accuracy_real',
        'gan.accuracy_fake',
        'maxsquare.loss_target',
        'aAcc',
        'mIoU',
        'camvid/mIoU_16',
    ]
    steps = np.array([1, 2])
    scalars = {name: (steps, np.array([i, 2.0 * i])) for i, name in enumerate(names)}
    found = {
        panel: {label: values.tolist() for label, (_, values) in curves.items()}
        for panel, curves in sort_into_panels(scalars).items()
    }
    value = {name: [i, 2.0 * i] for i, name in enumerate(names)}
    both_heads = np.add(value['source.decode.loss_ce'], value['source.aux.loss_ce']).tolist()
    assert found == {
        'supervised loss': {
            'source': both_heads,
            'target': value['target.decode.loss_ce'],
            'unlabeled': value['unlabeled.decode.loss_ce'],
        },
        'mean weight of source pixels': {
            'weighting mean_weight': value['weighting.mean_weight'],
        },
        'loss of the weighting networks': {
            'weighting source': value['weighting.loss_source'],
            'weighting target': value['weighting.loss_target'],
        },
        'adversarial losses': {
            'gan discriminator': value['gan.loss_discriminator'],
            'gan generator': value['gan.loss_generator'],
        },
        'adversarial loss of the segmentor': {'gan encoder': value['gan.loss_encoder']},
        'accuracy of the discriminator': {
            'gan fake': value['gan.accuracy_fake'],
            'gan real': value['gan.accuracy_real'],
        },
        'other losses': {'maxsquare target': value['maxsquare.loss_target']},
        'validation mIoU (%)': {'mIoU': value['mIoU'], 'mIoU_16': value['camvid/mIoU_16']},
    }


def test_supervised_losses_of_any_domain_and_of_all_layers_of_a_head():
    names = {
        'source_mix.decode.loss_ce': 1.0,  # of an objective
        'day-night.decode_0.loss_ce': 2.0,
        'day-night.aux_1.loss_ce': 4.0,
        'target.decode.loss_cls': 8.0,  # Mask2Former's
        'target.decode.d0.loss_cls': 16.0,
        'decode.loss_ce': 32.0,  # of a config without domains
        'target.decode.acc_seg': 64.0,
    }
    steps = np.array([1])
    found = sort_into_panels({name: (steps, np.array([x])) for name, x in names.items()})
    values = {label: float(series[1][0]) for label, series in found['supervised loss'].items()}
    assert values == {'source_mix': 1.0, 'day-night': 6.0, 'target': 56.0}
    assert list(found) == ['supervised loss']


@pytest.mark.parametrize(
    ('owner', 'networks', 'segmentor'),
    [
        ('one_loss', ['discriminator', 'reconstruction'], ['encoder']),  # without an accuracy
        ('one_accuracy', ['generator'], ['adversarial', 'self_training']),
        ('cross_domain', ['discriminators', 'generator', 'reconstruction'], ['encoder']),
        ('spatial', ['classifiers'], ['adversarial']),
        ('cycle', ['discriminator_source', 'generator', 'cycle', 'identity', 'perceptual'], []),
        ('lsd', ['discriminator_class', 'generator_domain'], ['encoder_class']),
    ],
)
def test_networks_of_an_objective_are_apart_from_what_the_segmentor_minimizes(
    owner, networks, segmentor
):
    accuracy = {'one_loss': [], 'one_accuracy': ['accuracy_truth']}.get(owner, ['accuracy'])
    names = [*accuracy, *(f'loss_{name}' for name in networks + segmentor)]
    series = np.array([1]), np.array([0.5])
    found = sort_into_panels({f'{owner}.{name}': series for name in names})
    labels = {panel: {label.split()[1] for label in curves} for panel, curves in found.items()}
    wanted = {
        'adversarial losses': {*networks},
        'adversarial loss of the segmentor': {*segmentor},
        'accuracy of the discriminator': {name.removeprefix('accuracy_') for name in accuracy},
    }
    assert labels == {panel: names for panel, names in wanted.items() if names}


def test_a_plain_mmseg_run_counts_as_target():
    scalars = {'decode_0.loss_ce': (np.array([1]), np.array([2.0]))}
    assert list(sort_into_panels(scalars)['supervised loss']) == ['target']


def test_seeds_are_combined_where_all_have_logged():
    first = np.array([10, 20, 30]), np.array([1.0, 2.0, 3.0])
    second = np.array([20, 30, 40]), np.array([4.0, 9.0, 9.0])
    steps, mean, least, greatest = over_seeds([first, second])
    assert steps.tolist() == [20, 30]
    assert mean.tolist() == [3.0, 6.0]
    assert least.tolist() == [2.0, 3.0]
    assert greatest.tolist() == [4.0, 9.0]
    with pytest.raises(JointError, match='different iterations'):
        over_seeds([first, (np.array([15]), np.array([1.0]))])
