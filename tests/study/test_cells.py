from __future__ import annotations

import copy

import numpy as np
import pytest

from mmseg_joint.errors import JointError
from mmseg_joint.study.cells import Selection, measure
from mmseg_joint.study.jobs import plan
from tests.study.logs import trained, write_run, write_start

JOINT, FCN = 'joint_squeezenet_streets_camvid', 'squeezenet_camvid'


def by_name(cells):
    return {(cell.row.name, cell.labels): cell for cell in cells}


def test_seeds_are_averaged_and_unfinished_ones_are_not(tables, tmp_path):
    values = [40.0, 43.0, 47.5]
    for seed, value in enumerate(values):
        write_run(tmp_path / JOINT / f'12/seed{seed}', value, seed=seed)
    write_start(tmp_path / JOINT / '12/seed3', trained(50), seed=3)
    write_run(tmp_path / FCN / '12/seed0', 41.0)
    cells = by_name(measure(tables['hrs1'], tmp_path, Selection('camvid')))
    joint, fcn = cells['Direct Joint Training', 12], cells['FCN', 12]
    assert joint.mean == pytest.approx(np.mean(values))
    assert joint.deviation == pytest.approx(np.std(values, ddof=1))
    assert [run.seed for run in joint.unfinished] == [3]
    assert (fcn.mean, fcn.deviation, len(fcn.runs)) == (41.0, None, 1)
    assert (cells['PixelDA', 12].mean, cells['PixelDA', 12].runs) == (None, ())


def test_every_row_is_shown_with_the_label_counts_that_any_row_was_run_with(tables, tmp_path):
    write_run(tmp_path / JOINT / '6/seed0', 40.0, labels=6)
    write_run(tmp_path / FCN / '46/seed0', 41.0, labels=46)
    # a row that takes no labels
    write_run(tmp_path / 'road_squeezenet_streets_camvid/0/seed0', 30.0, labels=0)
    cells = measure(tables['hrs1'], tmp_path, Selection('camvid', rows=['fcn', 'PixelDA']))
    assert list(by_name(cells)) == [('FCN', 46), ('PixelDA', 46)]
    names = ['FCN', 'Direct Joint Training']
    both = [*names, 'ROAD (after the abstract, details ours)']
    cells = measure(tables['hrs1'], tmp_path, Selection('camvid', rows=both))
    none = both[-1], 0
    assert list(by_name(cells)) == [none, *((name, n) for name in names for n in (6, 46))]
    cells = measure(tables['hrs1'], tmp_path, Selection('camvid', labels=[12, 0, 6], rows=both))
    assert list(by_name(cells)) == [none, *((name, n) for name in names for n in (12, 6))]


def test_a_config_that_serves_two_tables_shows_in_each_its_own_labels(tables, tmp_path):
    folder = tmp_path / 'ga_fcsa_deeplabv2_gta_city'
    for labels in (50, 100):
        write_run(folder / f'{labels}/seed0', float(labels) / 2, labels=labels)
    cells = by_name(measure(tables['ass2a'], tmp_path, Selection()))
    assert {key[1] for key in cells} == {100, 500}
    assert (cells['λ = 0.04', 100].mean, cells['λ = 0.04', 100].paper) == (50.0, 53.68)
    cells = by_name(measure(tables['ass1'], tmp_path, Selection()))
    assert cells['GA+FCSA', 50].mean == 25.0
    assert cells['GA', 0].paper == 42.4
    assert ('Oracle', 0) not in cells


def test_all_labels_of_the_paper_are_those_of_a_run_with_all(tables, tmp_path):
    write_run(tmp_path / 'fcn8s_city', 64.0, labels=None)
    cells = by_name(measure(tables['hrs1'], tmp_path, Selection()))
    assert (cells['FCN', 2975].mean, cells['FCN', 2975].paper) == (64.0, 65.3)
    road = 'ROAD (after the abstract, details ours)', 0
    assert cells[road].paper == 35.9
    cells = by_name(measure(tables['hrs1'], tmp_path, Selection(labels=[2975], seeds=[1])))
    assert road not in cells
    assert cells['FCN', 2975].mean is None


def test_runs_of_different_length_are_not_averaged(tables, tmp_path):
    write_run(tmp_path / JOINT / '12/seed0', 40.0, total=100)
    write_run(tmp_path / JOINT / '12/seed1', 50.0, total=200, seed=1)
    with pytest.raises(
        JointError, match=r'seed0 .* from .*seed1, with .*max_iters=100 in place of 200: keep'
    ):
        measure(tables['hrs1'], tmp_path, Selection('camvid'))
    cells = measure(tables['hrs1'], tmp_path, Selection('camvid', seeds=[1]))
    assert by_name(cells)['Direct Joint Training', 12].mean == 50.0


def test_runs_that_were_trained_differently_are_not_averaged(tables, tmp_path):
    selection = Selection('camvid', None, [0, 1], ['Direct Joint Training'])
    jobs = plan(tables['hrs1'], tmp_path, selection)
    for job in jobs:
        write_run(job.folder, 40.0, total=600, cfg=job.cfgs[0])
    (cell,) = measure(tables['hrs1'], tmp_path, selection)
    assert (len(cell.runs), cell.change) == (2, None)
    other = copy.deepcopy(jobs[1].cfgs[0])
    other.optim_wrapper.segmentor.optimizer.lr = 1.0
    write_run(jobs[1].folder, 50.0, total=600, cfg=other, start='20200102_000000')
    with pytest.raises(
        JointError, match=r'seed0 was .* from .*seed1, with .*lr=0.0002 in place of 1.0: keep'
    ):
        measure(tables['hrs1'], tmp_path, selection)
    (cell,) = measure(tables['hrs1'], tmp_path, Selection('camvid', None, [1], selection.rows))
    assert cell.change == 'optim_wrapper.segmentor.optimizer.lr=1.0 in place of 0.0002'


def test_an_unknown_row(tables, tmp_path):
    with pytest.raises(JointError, match='ass1 has no row "GAN": choose from Oracle, GA, '):
        measure(tables['ass1'], tmp_path, Selection(rows=['GAN']))
