from __future__ import annotations

import os

import numpy as np
import pytest
import torch
from mmengine.config import Config, ConfigDict
from mmseg.evaluation import IoUMetric
from mmseg.registry import METRICS
from PIL import Image

import mmseg_joint.evaluation.protocol_iou_metric as module
from mmseg_joint.datasets.label_maps import (
    CAMVID_CLASSES,
    CITYSCAPES_CLASSES,
    EVAL_CLASS_SETS,
    NTHU_CLASSES,
)
from mmseg_joint.errors import JointError
from tests.ranks import on_ranks
from tests.tiny_configs import ROOT

IDS = {
    '19': list(range(19)),
    '16': [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 15, 17, 18],
    '13': [0, 1, 2, 6, 7, 8, 10, 11, 12, 13, 15, 17, 18],
}


def images(seed=0, classes=19, absent=()):
    """Three images of odd sizes: a guess that is often right, and ground truth with 255."""
    rng = np.random.RandomState(seed)
    found = []
    for size in ((7, 11), (5, 3), (13, 9)):
        truth = rng.randint(0, classes, size)
        guess = np.where(rng.rand(*size) < 0.4, truth, rng.randint(0, classes, size))
        truth[rng.rand(*size) < 0.2] = 255
        truth[np.isin(truth, absent)] = 255
        found.append((guess, truth))
    return found


def sample(guess, truth=None, path='a/b.jpg'):
    found = {'pred_sem_seg': {'data': torch.as_tensor(guess)[None]}, 'img_path': path}
    if truth is not None:
        found['seg_map_path'] = 'a/b.png'
        found['gt_sem_seg'] = {'data': torch.as_tensor(truth, dtype=torch.uint8)[None]}
    return found


def evaluate(found, classes=CITYSCAPES_CLASSES, kind='ProtocolIoUMetric', **kwargs):
    metric = METRICS.build(ConfigDict(type=kind, **kwargs))
    metric.dataset_meta = {'classes': classes}
    metric.process({}, [sample(*pair) for pair in found[:2]])
    metric.process({}, [sample(*pair) for pair in found[2:]])
    return metric.evaluate(len(found))


def reference(found, protocol, absent='zero'):
    guess, truth = (np.concatenate([p[i].ravel() for p in found]) for i in (0, 1))
    counted = np.isin(truth, protocol)
    guess, truth = guess[counted], truth[counted]
    ious, accuracies = [], []
    for k in protocol:
        right = np.sum((guess == k) & (truth == k))
        union = np.sum((guess == k) | (truth == k))
        if np.any(truth == k):
            accuracies.append(right / np.sum(truth == k))
        if union and (absent == 'zero' or np.any(truth == k)):
            ious.append(right / union)
    means = np.mean(guess == truth), np.mean(ious), np.mean(accuracies)
    return dict(zip(('aAcc', 'mIoU', 'mAcc'), (float(mean) * 100 for mean in means)))


def test_protocols_are_the_papers():
    for name, ids in IDS.items():
        assert [CITYSCAPES_CLASSES.index(c) for c in EVAL_CLASS_SETS[name]] == ids
    assert EVAL_CLASS_SETS['camvid'] == CAMVID_CLASSES


@pytest.mark.parametrize('missing', [(), (3, 9, 14)])
@pytest.mark.parametrize('absent', ['zero', 'skip'])
def test_equals_a_reference_in_one_evaluation(missing, absent):
    found = images(seed=1, absent=missing)
    got = evaluate(found, protocols=('16', '13', '19'), absent=absent)
    for name, ids in IDS.items():
        for key, value in reference(found, ids, absent).items():
            assert got[f'{key}_{name}'] == pytest.approx(value, abs=0.0051)
    assert [got[key] for key in ('aAcc', 'mIoU', 'mAcc')] == [
        got[f'{key}_16'] for key in ('aAcc', 'mIoU', 'mAcc')
    ]
    assert list(got)[:3] == ['aAcc', 'mIoU', 'mAcc'] and len(got) == 12
    assert all(isinstance(value, float) for value in got.values())


@pytest.mark.parametrize('protocols', ['all', ('19',), 19, (19,)])
@pytest.mark.parametrize(
    'options',
    [
        {},
        dict(iou_metrics=['mIoU', 'mDice', 'mFscore'], beta=2),
        dict(nan_to_num=-1),
        dict(iou_metrics='mDice'),
    ],
)
def test_equals_mmseg_on_all_classes(protocols, options):
    found = images(seed=2, absent=(4, 7))
    for guess, _ in found:
        guess[guess == 7] = 5  # 4 is absent but predicted, 7 altogether absent
    wanted = evaluate(found, kind='IoUMetric', **options)
    got = evaluate(found, protocols=protocols, **options)
    assert {key: got[key] for key in wanted} == pytest.approx(wanted, abs=0.011)
    assert wanted.get('mIoU', wanted.get('mDice')) > 10


def test_pixels_of_other_classes_are_ignored_but_predictions_are_not():
    truth = np.array([[0, 0, 13, 13], [9, 9, 14, 16], [3, 4, 5, 255]])  # 13 classes: 0 and 13
    guess = np.array([[0, 9, 13, 13], [0, 13, 0, 13], [0, 0, 13, 13]])
    got = evaluate([(guess, truth)], protocols=('13',))
    # road: one of two right, the other called terrain; car: both right
    assert (got['mIoU'], got['mAcc'], got['aAcc']) == (75, 75, 75)
    guess[1:] = 18
    assert evaluate([(guess, truth)], protocols=('13',)) == got
    guess[0, 1] = 13  # an error within the protocol lowers the other class, too
    assert evaluate([(guess, truth)], protocols=('13',))['mIoU'] == round(
        100 * (1 / 2 + 2 / 3) / 2, 2
    )


BUILDING, FENCE = 2, 4


def test_a_class_that_is_counted_but_not_averaged_over():
    """Half building, half fence, all called building."""
    truth = np.array([[BUILDING] * 3, [FENCE] * 3])
    guess = np.full((2, 3), BUILDING)
    got = evaluate([(guess, truth)], protocols=('13of16', '13', '16'))
    assert got['mIoU'] == got['mIoU_13of16'] == 50
    assert got['mIoU_13'] == 100  # the fence is ignored
    assert got['mIoU_16'] == 25


def public_13(confusion):
    """The mean over 13 classes of the 16 rows and columns of one matrix, as public code has it."""
    matrix = confusion[np.ix_(IDS['16'], IDS['16'])]
    union = matrix.sum(0) + matrix.sum(1) - np.diag(matrix)
    ious = np.diag(matrix)[union > 0] / union[union > 0]
    kept = np.isin(IDS['16'], IDS['13'])[union > 0]
    return float(ious[kept].mean()) * 100


@pytest.mark.parametrize('seed', range(3))
def test_13_of_16_equals_a_confusion_matrix_made_by_hand(seed):
    found = images(seed)
    for guess, _ in found:
        guess[np.isin(guess, (9, 14, 16))] = 0  # a network of 16 classes
    confusion = np.zeros((19, 19))
    for guess, truth in found:
        for g, t in zip(guess.ravel(), truth.ravel()):
            if t != 255:
                confusion[t, g] += 1
    sets = dict(own=dict(average='13', count=IDS['16']), short='13of16', alone='13')
    got = evaluate(found, protocols=sets)
    assert got['mIoU_own'] == got['mIoU_short'] == pytest.approx(public_13(confusion), abs=0.0051)
    assert got['mIoU_alone'] > got['mIoU_own'] + 0.5


@pytest.mark.parametrize(
    'stem, first',
    [
        ('ga_csa_deeplabv2_synthia_city', '13of16'),
        ('adaptsegnet_multi_deeplabv2_synthia_city', '13of16'),
        ('deeplabv2_city_13', '13of16'),
        ('maxsquare_iw_multi_deeplabv2_synthia_city', '16'),  # its table has 16 classes
        ('advent_deeplabv2_synthia_city', '16'),
    ],
)
def test_configs_give_the_published_13_before_the_other(stem, first):
    cfg = Config.fromfile(ROOT / f'configs/{stem}.py')
    protocols = list(cfg.val_evaluator.protocols)
    assert protocols[0] == first and set(protocols) == {'13of16', '13', '16'}
    assert protocols.index('13of16') < protocols.index('13')
    assert cfg.test_evaluator == cfg.val_evaluator


@pytest.mark.parametrize('absent, few, every', [('zero', 25, 50), ('skip', 50, 75)])
def test_a_class_only_predicted(absent, few, every):
    truth = np.array([[0, 0, 1, 1]])
    guess = np.array([[0, 2, 1, 1]])
    classes = ('a', 'b', 'c', 'd')
    got = evaluate([(guess, truth)], classes, absent=absent, protocols=dict(few=('a', 'c')))
    assert got['mIoU'] == few
    assert evaluate([(guess, truth)], classes, absent=absent)['mIoU'] == every


def test_nothing_labeled_gives_nan():
    got = evaluate([(np.zeros((3, 3), int), np.full((3, 3), 255))], protocols=('16',))
    assert all(np.isnan(value) for value in got.values())


def test_a_prediction_that_is_not_a_class_is_an_error():
    truth, guess = np.ones((2, 2), int), np.array([[1, -1], [255, 19]])
    assert evaluate([(guess, truth)])['mIoU'] == 25


@pytest.mark.parametrize(
    'protocols, names',
    [
        ('camvid', ['camvid']),
        ([(3, 8, 9)], ['3']),
        ([['road', 'car', 'pedestrian'], 'all'], ['3', 'all']),
        ({'traffic': ['road', 'car', 'pedestrian'], 'every': 'camvid'}, ['traffic', 'every']),
    ],
)
def test_other_classes(protocols, names):
    found = images(seed=3, classes=11)
    got = evaluate(found, CAMVID_CLASSES, protocols=protocols)
    assert [key[5:] for key in got if key.startswith('mIoU_')] == names
    for name in names:
        ids = [3, 8, 9] if name in ('3', 'traffic') else range(11)
        wanted = reference(found, list(ids))['mIoU']
        assert got[f'mIoU_{name}'] == pytest.approx(wanted, abs=0.0051)


def test_protocols_go_by_class_names():
    found = images(seed=4, classes=13)
    assert (
        evaluate(found, NTHU_CLASSES, protocols='13')['mIoU']
        == evaluate(found, NTHU_CLASSES)['mIoU']
    )


def test_the_table_has_a_row_per_class_and_a_column_per_protocol(monkeypatch):
    logged = []
    monkeypatch.setattr(module, 'print_log', lambda text, *_: logged.append(text))
    found = images(seed=5, absent=(0,))
    for guess, _ in found:
        guess[guess == 0] = 1
    got = evaluate(found, protocols=('16', '13'))
    rows = [[c.strip() for c in line.split('|')[1:-1]] for line in logged[0].splitlines()[2:]]
    rows = {row[0]: row[1:] for row in rows if row}
    assert rows['Class'] == ['IoU 16', 'IoU 13', 'Acc 16', 'Acc 13']
    assert list(rows)[1:] == [*CITYSCAPES_CLASSES, 'mean']
    assert rows['road'] == ['nan'] * 4  # neither labeled nor predicted
    assert rows['train'] == [''] * 4 and rows['wall'][1] == '' and float(rows['wall'][0]) > 0
    assert rows['mean'][:2] == [f'{got["mIoU_16"]:.2f}', f'{got["mIoU_13"]:.2f}']
    ious = [float(rows[name][1]) for name in EVAL_CLASS_SETS['13'] if name != 'road']
    assert np.mean(ious) == pytest.approx(got['mIoU_13'], abs=0.01)


def test_predictions_are_saved_as_mmseg_does(tmp_path):
    guess = images()[0][0]
    metric = METRICS.build(
        dict(
            type='ProtocolIoUMetric', output_dir=str(tmp_path), format_only=True, keep_results=True
        )
    )
    metric.dataset_meta = {'classes': CITYSCAPES_CLASSES}
    metric.process({}, [sample(guess)])
    assert metric.evaluate(1) == {}
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / 'b.png')), guess)


def test_two_processes_equal_one(tmp_path):
    def evaluate_part(rank):
        os.chdir(tmp_path)  # mmengine collects through a folder where it stands
        found = images(seed=6)
        metric = module.ProtocolIoUMetric(protocols=('16', '13'))
        metric.dataset_meta = {'classes': CITYSCAPES_CLASSES}
        for pair in (found[0::2], [found[1], found[0]])[rank]:  # the last image fills up
            metric.process({}, [sample(*pair)])
        return metric.evaluate(3)

    wanted = evaluate(images(seed=6), protocols=('16', '13'))
    assert on_ranks(evaluate_part, tmp_path) == [wanted, wanted]


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(protocols=('16', '17')), "has '17': choose from all, 19, 16, 13, camvid"),
        (dict(protocols=('13of17',)), "has '17': choose from all, 19, 16, 13, camvid"),
        (dict(protocols=dict(a=dict(average=(0,)))), "protocol 'a' has average: give it"),
        (dict(protocols=dict(a=dict(average=(0, 2), count=(1, 2)))), "'a' averages over road, "),
        (dict(protocols=()), 'is empty'),
        (dict(protocols=('16', 16)), 'two protocols called 16'),
        (dict(protocols=[(0, 1), (2, 3)]), 'two protocols called 2'),
        (dict(protocol='16'), "no argument 'protocol'"),
        (dict(absent='none'), "absent is 'none': choose one of zero, skip"),
        (dict(protocols='camvid'), "protocol 'camvid' needs pole, pavement, tree, but"),
        (dict(protocols=dict(a=(2, 'tram'))), "protocol 'a' needs tram, but"),
        (dict(protocols=[(0, 3)]), "protocol '2' needs 3, but the dataset's 3 classes are road"),
        (dict(protocols=[(-1,)]), 'needs -1'),
        (dict(protocols=dict(a=())), "protocol 'a' has no class"),
        (dict(protocols=[('sky', 2)]), "protocol '2' names a class twice"),
    ],
)
def test_mistakes_are_reported_before_training(options, message):
    with pytest.raises(JointError, match=message):
        METRICS.build(dict(type='ProtocolIoUMetric', **options)).dataset_meta = {
            'classes': ('road', 'building', 'sky')
        }


@pytest.mark.parametrize('ignore_index, value', [(255, 30), (254, 255)])
def test_a_label_that_is_not_a_class_is_reported(ignore_index, value):
    truth = np.zeros((2, 2), int)
    truth[1, 1] = value
    with pytest.raises(JointError, match=rf'a/b\.png has the value {value}, but .* 19 classes'):
        evaluate([(truth % 19, truth)], ignore_index=ignore_index)


def test_is_mmsegs_metric():
    assert issubclass(METRICS.get('ProtocolIoUMetric'), IoUMetric)
