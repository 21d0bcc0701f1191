from __future__ import annotations

from mmseg_joint.study.cells import Selection, measure
from mmseg_joint.study.jobs import plan
from mmseg_joint.study.rows import Row
from mmseg_joint.tables.markdown import list_table, write_table
from mmseg_joint.tables.rows import Table
from tests.study.logs import trained, write_run, write_start


def lines_of(text):
    """Map row and labels to its cells by heading."""
    rows = [line.strip('| ').split(' | ') for line in text.splitlines() if line.startswith('|')]
    head, _, *body = rows
    return {tuple(cells[:2]): dict(zip(head, cells)) for cells in body}


def test_the_list_names_config_and_sibling(tables):
    lines = lines_of(list_table(tables['ass1']))
    assert lines['GA', '0'] == {
        'row': 'GA',
        'labels': '0',
        'mIoU in the paper': '42.4',
        'config': '`adaptsegnet_multi_deeplabv2_gta_city`',
        'camvid config': '-',
        'cityscapes256 config': '-',
    }
    oracle = lines['Oracle', '50 · 100 · 200 · 500 · 1000 · 2975']
    assert oracle['mIoU in the paper'] == '39.5 · 43.6 · 47.1 · 53.6 · 58.6 · 65.9'
    assert oracle['camvid config'] == '`squeezenet_camvid`'
    road = lines_of(list_table(tables['hrs1']))['ROAD (after the abstract, details ours)', '0']
    assert road['config'] == '`road_fcn8s_gta_city`'


def test_at_the_scale_of_the_paper_its_number_stands_beside_ours(tables, tmp_path):
    for seed, value in enumerate((66.0, 67.0)):
        write_run(tmp_path / f'fcn8s_city/2975/seed{seed}', value, labels=None, seed=seed)
    write_run(tmp_path / 'joint_fcn8s_gta_city/2975/seed0', 64.56, labels=None)
    cells = measure(tables['hrs1'], tmp_path, Selection())
    lines = lines_of(write_table(tables['hrs1'], cells, 'paper'))
    joint = lines['Direct Joint Training', '2975']
    assert (joint['paper'], joint['measured'], joint['difference']) == ('64.6', '64.6', '+0.0')
    assert lines['FCN', '2975'] == {
        'row': 'FCN',
        'labels': '2975',
        'paper': '65.3',
        'measured': '66.5 ± 0.7',
        'difference': '+1.2',
        'seeds': '2',
        'iterations': '100',
        'config': '`fcn8s_city`',
    }
    assert lines['PixelDA', '2975']['measured'] == '-'
    assert lines['PixelDA', '2975']['seeds'] == '0'
    assert lines['ROAD (after the abstract, details ours)', '0']['seeds'] == '0'


def test_a_row_that_is_only_quoted():
    rows = (Row('Old', 'paper', ((0, 37.1),), path=None),)
    table = Table('t1', ('Old', 'New'), None, rows, paper='P', number='1', title='A → B')
    text = write_table(table, measure(table, None, Selection()), 'paper')
    (line,) = lines_of(text).values()
    assert list(line.values()) == ['Old', '0', '37.1', *'-----']
    assert '± standard deviation' not in text
    assert write_table(table, [], 'camvid').endswith('Without a config at this scale: New.')


def test_a_table_that_differs_in_hundredths_shows_them(tables, tmp_path):
    for seed, value in enumerate((59.9, 59.94)):
        folder = tmp_path / f'ga_fcsa_deeplabv2_gta_city/500/seed{seed}'
        write_run(folder, value, labels=500, seed=seed)
    cells = measure(tables['ass2a'], tmp_path, Selection())
    line = lines_of(write_table(tables['ass2a'], cells, 'paper'))['λ = 0.04', '500']
    assert (line['measured'], line['paper']) == ('59.92 ± 0.03', '59.89')
    assert line['difference'] == '+0.03'


def test_elsewhere_the_gain_over_the_base_is_compared(tables, tmp_path):
    write_run(tmp_path / 'joint_squeezenet_streets_camvid/12/seed0', 50.0)
    write_run(tmp_path / 'hrs_squeezenet_streets_camvid/12/seed0', 49.0)
    finetuning = tmp_path / 'finetune_squeezenet_streets_camvid/12/seed0'
    write_run(finetuning / 'source', 30.0, share=0)
    write_run(finetuning / 'finetune', 52.0, total=200)
    cells = measure(tables['hrs1'], tmp_path, Selection('camvid'))
    text = write_table(tables['hrs1'], cells, 'camvid')
    lines = lines_of(text)
    hrs, base = lines['Ours with W^19', '12'], lines['Direct Joint Training', '12']
    assert (hrs['measured'], hrs['over Direct Joint Training']) == ('49.0', '-1.0')
    assert hrs['the same in the paper'] == '+3.5'
    assert base['over Direct Joint Training'] == base['the same in the paper'] == '-'
    assert lines['Target Finetuning', '12']['iterations'] == '100 + 200'
    assert 'paper' not in hrs
    assert text.startswith('### HRS, Table 1: its rows on rendered streets → CamVid (`hrs1`)')
    assert 'Unfinished' not in text


def test_the_gain_is_taken_seed_by_seed(tables, tmp_path):
    joint = {0: 40.0, 1: 50.0, 2: 60.0}  # depends on the draw of the labeled images
    hrs = {0: 41.0, 1: 53.0, 3: 99.0}
    for name, results in (('joint', joint), ('hrs', hrs)):
        for seed, value in results.items():
            folder = tmp_path / f'{name}_squeezenet_streets_camvid/12/seed{seed}'
            write_run(folder, value, seed=seed)
    cells = measure(tables['hrs1'], tmp_path, Selection('camvid'))
    line = lines_of(write_table(tables['hrs1'], cells, 'camvid'))['Ours with W^19', '12']
    assert line['over Direct Joint Training'] == '+2.0 ± 1.4'
    cells = measure(tables['hrs1'], tmp_path, Selection('camvid', seeds=[2, 3]))
    line = lines_of(write_table(tables['hrs1'], cells, 'camvid'))['Ours with W^19', '12']
    assert line['measured'] == '99.0' and 'over Direct Joint Training' not in line


def test_runs_trained_differently_are_named(tables, tmp_path):
    table, selection = tables['hrs1'], Selection('camvid', None, [0], ['FCN+W^1'])
    (job,) = plan(table, tmp_path, selection)
    write_run(job.folder, 40.0, total=600, cfg=job.cfgs[0])
    said = 'Trained differently from the config: FCN+W^1, 12 labels ('
    assert said not in write_table(table, measure(table, tmp_path, selection), 'camvid')
    (job,) = plan(table, tmp_path, selection, options=['model.objectives.weighting.unit_mean=True'])
    write_run(job.folder, 40.0, total=600, cfg=job.cfgs[0], start='20200102_000000')
    text = write_table(table, measure(table, tmp_path, selection), 'camvid')
    assert f'{said}model.objectives.weighting.unit_mean=True in place of nothing).' in text


def test_unfinished_runs_are_named_and_not_counted(tables, tmp_path):
    folder = tmp_path / 'ga_squeezenet_streets_camvid/6'
    write_run(folder / 'seed0', 40.0, labels=6)
    write_run(tmp_path / 'squeezenet_camvid/6/seed0', 39.0, labels=6)
    write_run(tmp_path / 'ga_csa_squeezenet_streets_camvid/6/seed0', 42.0, labels=6)
    write_start(folder / 'seed1', trained(50), labels=6, seed=1)
    cells = measure(tables['ass1'], tmp_path, Selection('camvid'))
    text = write_table(tables['ass1'], cells, 'camvid')
    line = lines_of(text)['GA', '6']
    assert (line['measured'], line['seeds']) == ('40.0', '1 (1 unfinished)')
    line = lines_of(text)['GA+CSA', '6']  # the paper has several numbers of labels
    assert line['over Oracle'] == '+3.0' and 'the same in the paper' not in line
    assert f'Unfinished, not counted: `{folder / "seed1"}` (50 of 100 iterations).' in text
    text = write_table(
        tables['maxsquare-gta5'],
        measure(tables['maxsquare-gta5'], None, Selection('camvid')),
        'camvid',
    )
    assert text.endswith('Without a config at this scale: MaxSquare+IW+multi.')
