from __future__ import annotations

import sys
from typing import Any

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import METRICS, MODELS, TRANSFORMS

from mmseg_joint.checkpoints.pretrained import as_list
from mmseg_joint.errors import JointError

from .plain_model import PACKAGE, find_ours, is_ours, plain_model, without_training
from .prediction_data import build_lazily, dataset_meta, plain_pipeline, tested_dataset

VISUALIZER = {
    'type': 'SegLocalVisualizer',
    'vis_backends': [{'type': 'LocalVisBackend'}],
    'name': 'visualizer',
}


def plain_config(cfg: Config, with_package: bool = False) -> tuple[Config, dict[str, list]]:
    """Make a config that gives the same predictions without any class of this package.

    It holds the model, the test pipeline and the classes: what `MMSegInferencer` reads. If nothing
    about the test data was ours, it also works with mmsegmentation's own test tool.

    Args:
        cfg: The whole config; not changed.
        with_package: Keep the model's classes and let the config import this package.

    Returns:
        The config, and its classes and palette.

    Raises:
        JointError: When the model or the pipeline has a class of ours without an equal in mmseg and
            `with_package` is off, or the config lacks something that predicting needs.
    """
    values = cfg.to_dict()  # plain dicts, and names in place of classes
    if not values.get('model'):
        raise JointError(f'The config {cfg.filename or ""} has no model: name one that trains.')
    init_default_scope(values.get('default_scope') or 'mmseg')
    model = without_training(values['model'])
    model = model if with_package else plain_model(model)
    given = tested_dataset(values)
    built = build_lazily(given)
    meta = dataset_meta(built, as_list(model['decode_head'])[-1]['num_classes'])
    pipeline = plain_pipeline(given['pipeline'])
    if not with_package:
        _refuse_ours(model, pipeline)
    plain = Config(
        {
            'default_scope': 'mmseg',
            **_imports(values, with_package),
            'model': model,
            'test_pipeline': pipeline,
            **_test_data(values, given, built, pipeline, meta),
            'visualizer': VISUALIZER,
        }
    )
    return plain, meta


def _refuse_ours(model: dict[str, Any], pipeline: list[dict[str, Any]]) -> None:
    found = [
        *find_ours(model, MODELS, 'model'),
        *find_ours(pipeline, TRANSFORMS, 'test_dataloader.dataset.pipeline'),
    ]
    if found:
        named = ' and '.join(f'{key} is {kind.__name__}' for key, kind in found)
        verb = 'which exists' if len(found) == 1 else 'which exist'
        raise JointError(
            f'{named}, {verb} in {PACKAGE} only, so no plain mmsegmentation can run this model: '
            f'export with --with-package, and install {PACKAGE} where it predicts.'
        )


def _imports(values: dict[str, Any], with_package: bool) -> dict[str, Any]:
    names = (values.get('custom_imports') or {}).get('imports') or []
    names = [names] if isinstance(names, str) else names
    kept = [name for name in names if with_package or not _needs_package(name)]
    kept = [name for name in kept if name.split('.')[0] != PACKAGE]
    kept = [PACKAGE, *kept] if with_package else kept
    return {'custom_imports': {'imports': kept, 'allow_failed_imports': False}} if kept else {}


def _needs_package(name: str) -> bool:
    """Whether a module uses a class of ours, as one with a dataset of the user's own does."""
    found = vars(sys.modules[name]) if name in sys.modules else {}
    return any(is_ours(value) for value in found.values() if isinstance(value, type))


def _test_data(
    values: dict[str, Any], given: dict[str, Any], built: Any, pipeline: list[dict], meta: dict
) -> dict[str, Any]:
    loader = {
        'batch_size': 1,
        'num_workers': 2,
        'sampler': {'type': 'DefaultSampler', 'shuffle': False},
    }
    evaluator = values.get('test_evaluator')
    labels = any(step['type'] == 'LoadAnnotations' for step in pipeline)
    theirs = type(built).__module__.startswith('mmseg.')
    if labels and theirs and evaluator and not any(find_ours(evaluator, METRICS, '')):
        dataset = {**given, 'metainfo': meta, 'pipeline': pipeline}
        return {
            'test_dataloader': {**loader, 'dataset': dataset},
            'test_evaluator': evaluator,
            'test_cfg': {'type': 'TestLoop'},
        }
    dataset = {
        'type': 'BaseSegDataset',
        'data_prefix': {'img_path': getattr(built, 'data_prefix', {}).get('img_path') or ''},
        'img_suffix': getattr(built, 'img_suffix', '.png'),
        'metainfo': meta,
        'pipeline': pipeline,
        'test_mode': True,
    }
    return {'test_dataloader': {**loader, 'dataset': dataset}}
