from __future__ import annotations

import pytest
import torch

from tests.tiny import MODEL, batch, build

MADE = {
    'ClassMix': 'source_mix',
    'ConsistencyMix': 'unlabeled_strong',
    'MaskedConsistency': 'unlabeled_masked',
}


@pytest.mark.parametrize('kind', MADE)
def test_colors_change_alike_in_rgb_and_in_bgr(kind):
    own = dict(type=kind, colors=dict(jitter=(0.2, 0.2, 0.2, 0.2), jitter_probability=1.0))
    made = []
    for red_first, step in ((True, 1), (False, -1)):
        values = {key: MODEL.data_preprocessor[key][::step] for key in ('mean', 'std')}
        preprocessor = {**MODEL.data_preprocessor, **values, 'bgr_to_rgb': red_first}
        objectives = dict(teacher=dict(type='Teacher'), own=own)
        model = build(objectives, data_preprocessor=preprocessor)
        data = batch(3, ('source', 'unlabeled'), count=2)
        data = model.data_preprocessor(data, training=True)
        torch.manual_seed(0)
        inputs, *_ = model._derive_domains(data['inputs'], data['data_samples'])
        made.append(inputs[MADE[kind]])
    torch.testing.assert_close(made[1], made[0].flip(1), rtol=0, atol=1e-4)
