from __future__ import annotations

import os

import torch
from mmengine.config import Config

from mmseg_joint.errors import JointError

# what a launcher sets for each of its processes: numbers, and then names
NUMBERS = {
    'none': (),
    'pytorch': ('RANK', 'WORLD_SIZE', 'MASTER_PORT'),
    'slurm': ('SLURM_PROCID', 'SLURM_NTASKS'),
    'mpi': ('OMPI_COMM_WORLD_LOCAL_RANK', 'OMPI_COMM_WORLD_RANK', 'OMPI_COMM_WORLD_SIZE'),
}
NAMES = {'pytorch': ('MASTER_ADDR',), 'slurm': ('SLURM_NODELIST',), 'mpi': ('MASTER_ADDR',)}
REMEDIES = {
    'none': 'unset it',
    'pytorch': 'start with tools/dist_train.sh or tools/dist_test.sh, or with torchrun',
    'slurm': 'start with tools/slurm_train.sh or tools/slurm_test.sh',
    'mpi': 'start with mpirun, and set MASTER_ADDR',
}


def check_launcher(cfg: Config) -> None:
    """Refuse to start if `launcher` names one that has not started this process."""
    if torch.distributed.is_initialized():
        return
    launcher = cfg.get('launcher', 'none')
    numbers, remedy = NUMBERS[launcher], REMEDIES[launcher]
    missing = [name for name in (*numbers, *NAMES.get(launcher, ())) if not os.environ.get(name)]
    if missing:
        raise JointError(
            f'--launcher {launcher} needs the environment variable {missing[0]}, which is not set: '
            f'{remedy}.'
        )
    for name in ('LOCAL_RANK', *numbers):
        value = os.environ.get(name, '0')
        if not value.isdecimal():
            raise JointError(
                f'The environment variable {name} is "{value}", not a number from 0: {remedy}.'
            )
    if launcher == 'pytorch' and int(os.environ['RANK']) >= int(os.environ['WORLD_SIZE']):
        raise JointError(
            f'The environment variable RANK is {os.environ["RANK"]} of {os.environ["WORLD_SIZE"]} '
            f'processes (WORLD_SIZE), counted from 0: {remedy}.'
        )
