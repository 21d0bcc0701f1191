"""On a GPU where there is one; elsewhere the same code is rehearsed on the CPU."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

# cuBLAS reads it when it is first used; without it nothing is deterministic
os.environ.setdefault('CUBLAS_WORKSPACE_CONFIG', ':4096:8')
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in Path(item.path).parents:
            item.add_marker(pytest.mark.cuda)


@pytest.fixture(params=['cpu', 'cuda'])
def device(request) -> torch.device:
    """The device to test; `cpu` only rehearses, where there is no GPU."""
    there = torch.cuda.is_available()
    if request.param == 'cuda' and not there:
        pytest.skip('PyTorch sees no GPU: rehearsed on the CPU')
    if request.param == 'cpu' and there:
        pytest.skip('a rehearsal, not needed where there is a GPU')
    return torch.device(request.param)


@pytest.fixture(autouse=True)
def _exact_products():
    """TF32 would round every product to 10 bits."""
    places = torch.backends.cuda.matmul, torch.backends.cudnn
    before = [place.allow_tf32 for place in places]
    for place in places:
        place.allow_tf32 = False
    yield
    for place, value in zip(places, before):
        place.allow_tf32 = value
