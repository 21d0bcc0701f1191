from __future__ import annotations

import pytest
from mmengine.config import Config

from mmseg_joint.checks.launcher import NAMES, NUMBERS, check_launcher
from mmseg_joint.errors import JointError

GOOD = {
    'none': {},
    'pytorch': dict(RANK='1', WORLD_SIZE='2', MASTER_PORT='29500', MASTER_ADDR='host'),
    'slurm': dict(SLURM_PROCID='0', SLURM_NTASKS='2', SLURM_NODELIST='n[1-2]'),
    'mpi': dict(
        OMPI_COMM_WORLD_LOCAL_RANK='0',
        OMPI_COMM_WORLD_RANK='0',
        OMPI_COMM_WORLD_SIZE='2',
        MASTER_ADDR='host',
    ),
}


@pytest.fixture
def variables(monkeypatch):
    """Set some and no other."""
    for names in (*NUMBERS.values(), *NAMES.values(), ('LOCAL_RANK',)):
        for name in names:
            monkeypatch.delenv(name, raising=False)
    return lambda values: [monkeypatch.setenv(*pair) for pair in values.items()]


@pytest.mark.parametrize('launcher', GOOD)
def test_what_the_launchers_set(launcher, variables):
    variables(GOOD[launcher])
    check_launcher(Config(dict(launcher=launcher)))
    variables(dict(LOCAL_RANK='-1'))
    with pytest.raises(JointError, match=r'LOCAL_RANK is "-1", not a number from 0'):
        check_launcher(Config(dict(launcher=launcher)))


@pytest.mark.parametrize('rank', ['2', '10'])
def test_a_rank_is_less_than_the_number_of_processes(variables, rank):
    variables({**GOOD['pytorch'], 'RANK': rank})
    with pytest.raises(JointError, match=f'RANK is {rank} of 2 processes .* counted from 0: start'):
        check_launcher(Config(dict(launcher='pytorch')))


@pytest.mark.parametrize(
    ('launcher', 'name'), [(launcher, name) for launcher in GOOD for name in GOOD[launcher]]
)
def test_each_is_needed(launcher, name, variables):
    variables({key: value for key, value in GOOD[launcher].items() if key != name})
    with pytest.raises(JointError, match=f'{launcher} needs .* {name}, which is not set: start'):
        check_launcher(Config(dict(launcher=launcher)))
