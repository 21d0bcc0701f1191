"""Pixels without a class may have any label that is no class's."""

from __future__ import annotations

from inspect import signature

import pytest
import torch
from mmseg.registry import MODELS

from tests.objective_cases import CASES
from tests.tiny import MODEL


def reads_it(case) -> bool:
    return 'ignore_index' in signature(MODELS.get(case.objective['type'])).parameters


@pytest.mark.parametrize('name', [name for name, case in CASES.items() if reads_it(case)])
def test_the_heads_ignore_index_is_as_good_as_255(name):
    case, found = CASES[name], []
    for ignored in (255, 77):
        head = dict((case.model or MODEL)['decode_head'], ignore_index=ignored)
        model = case.build(decode_head=head)
        with torch.no_grad():  # some predictions are confident
            for value in model.decode_head.parameters():
                value.mul_(10)
        data = case.batch(size=(45, 70))
        for sample in data['data_samples']:
            labels = sample.gt_sem_seg.data
            labels[labels == 255] = ignored
        data = model.data_preprocessor(data, training=True)
        torch.manual_seed(0)
        losses = model.loss(**data)
        torch.manual_seed(0)
        with torch.no_grad():
            _, shown = model.eval().inspect_batch(**data)
        found.append((losses, shown))
    torch.testing.assert_close(*found, rtol=0, atol=0, equal_nan=True)
