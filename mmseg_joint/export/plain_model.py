from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator
from typing import Any

from mmengine.registry import Registry
from mmseg.models.backbones import TIMMBackbone
from mmseg.models.data_preprocessor import SegDataPreProcessor
from mmseg.models.decode_heads import SegformerHead
from mmseg.models.segmentors import CascadeEncoderDecoder, EncoderDecoder
from mmseg.registry import MODELS

from mmseg_joint.checkpoints.pretrained import as_list, is_pretrained
from mmseg_joint.models.backbones import TimmBackbone
from mmseg_joint.models.data_preprocessor import JointDataPreprocessor
from mmseg_joint.models.heads import FastSegformerHead
from mmseg_joint.models.segmentors import (
    JointCascadeEncoderDecoder,
    JointEncoderDecoder,
    JointMaskEncoderDecoder,
)
from mmseg_joint.utils.walk import class_of, dicts_in

PACKAGE = 'mmseg_joint'
# our class -> mmseg's class that predicts exactly the same
SAME_PREDICTION: dict[type, type] = {
    JointEncoderDecoder: EncoderDecoder,
    JointCascadeEncoderDecoder: CascadeEncoderDecoder,
    JointMaskEncoderDecoder: EncoderDecoder,
    JointDataPreprocessor: SegDataPreProcessor,
    TimmBackbone: TIMMBackbone,
    FastSegformerHead: SegformerHead,
}


def is_ours(found: type | None) -> bool:
    """Return whether a class is from this package, so that plain mmsegmentation lacks it."""
    return found is not None and found.__module__.split('.')[0] == PACKAGE


def find_ours(node: Any, registry: Registry, key: str) -> Iterator[tuple[str, type]]:
    """List the classes of this package that a part of a config names, each with its dotted key."""
    for place, inner in dicts_in(node, key):
        found = class_of(inner, registry)
        if found is not None and is_ours(found):
            yield place, found


def without_training(model: dict[str, Any]) -> dict[str, Any]:
    """Copy a model's config without what only training needs: objectives, pretrained files."""
    return without_files({key: value for key, value in model.items() if key != 'objectives'})


def plain_model(model: dict[str, Any]) -> dict[str, Any]:
    """Replace our classes by mmseg's own wherever they predict the same.

    Auxiliary heads take no part in predicting and are left out if one of them is ours; a loss of
    ours, which takes no part either, is replaced by cross-entropy.

    Args:
        model: Returned by :func:`without_training`.

    Returns:
        A changed copy. It may still hold classes of ours (see :func:`find_ours`).
    """
    plain = _replaced(model)
    preprocessor = plain.get('data_preprocessor')
    if isinstance(preprocessor, dict):  # JointEncoderDecoder takes one without a type
        preprocessor.setdefault('type', SegDataPreProcessor.__name__)
    if any(is_ours(class_of(head, MODELS)) for head in as_list(plain.get('auxiliary_head'))):
        plain['auxiliary_head'] = None
    for head in [*as_list(plain['decode_head']), *as_list(plain.get('auxiliary_head'))]:
        if any(find_ours(head.get('loss_decode'), MODELS, '')):
            head['loss_decode'] = {'type': 'CrossEntropyLoss', 'avg_non_ignore': True}
    return plain


def without_files(model: dict[str, Any]) -> dict[str, Any]:
    """Copy a model's config, or a part, without the pretrained files that it starts from."""
    clean = copy.deepcopy(model)
    for _, node in dicts_in(clean):
        if node.get('pretrained'):
            node['pretrained'] = None
        if node.get('init_cfg'):
            given = as_list(node['init_cfg'])
            node['init_cfg'] = [item for item in given if not is_pretrained(item)] or None
    return clean


def _replaced(model: dict[str, Any]) -> dict[str, Any]:
    new = copy.deepcopy(model)
    for _, node in dicts_in(new):
        own = class_of(node, MODELS)
        plain = own and not node.get('lora') and SAME_PREDICTION.get(own)
        if own and plain:
            known = {'args', 'kwargs', *inspect.signature(plain).parameters}
            for name in set(inspect.signature(own).parameters) - known:
                node.pop(name, None)
            node['type'] = plain.__name__
            if plain is TIMMBackbone:
                node['pretrained'] = False  # its default downloads weights, overwritten at once
    return new
