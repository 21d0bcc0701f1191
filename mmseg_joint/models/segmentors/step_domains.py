from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import Tensor

from mmseg_joint.errors import JointError
from mmseg_joint.models.data_preprocessor import JointDataPreprocessor
from mmseg_joint.models.objectives import DerivedDomain, DomainInput, Objective
from mmseg_joint.models.objectives.base import makes_domains

Inputs = dict[str, Tensor]
Samples = dict[str, list[SegDataSample]]


class StepDomains(NamedTuple):
    """The domains of a step: those of the batch, then those that objectives made."""

    #: domain -> normalized images, (N, 3, H, W)
    inputs: Inputs
    #: domain -> the images' samples, with labels unless the domain is unlabeled
    samples: Samples
    #: made domain -> weight of each pixel in its supervised loss, (N, H, W)
    pixel_weights: dict[str, Tensor]
    #: domain -> what objectives saw of it; only if an objective made domains
    known: dict[str, DomainInput]


def derive_domains(
    objectives: Mapping[str, Objective],
    preprocessor: JointDataPreprocessor,
    inputs: Inputs,
    samples: Samples,
) -> StepDomains:
    """Let objectives make domains from a batch, one after the other (:meth:`Objective.derive`).

    Raises:
        JointError: When an objective needs a domain that is missing, or makes one that exists; or
            when a label is missing.
    """
    step = StepDomains(dict(inputs), dict(samples), {}, {})
    for name, objective in objectives.items():
        if not makes_domains(type(objective)):
            continue
        _check_domains(name, objective, step.inputs)
        for domain, images in step.inputs.items():
            if domain not in step.known:
                own = describe_domain(domain, images, step.samples[domain], preprocessor)
                step.known[domain] = own
        for domain, made in objective.derive(step.known).items():
            if domain in step.inputs:
                raise JointError(
                    f'model.objectives.{name} makes the domain "{domain}", but there is one of '
                    'this name: rename one of them.'
                )
            derived = DerivedDomain(*made)
            step.inputs[domain] = preprocessor.from_unit_range(derived.images)
            step.samples[domain] = _samples_of(domain, derived)
            if derived.pixel_weights is not None:
                step.pixel_weights[domain] = derived.pixel_weights
    for name, objective in objectives.items():
        _check_domains(name, objective, step.inputs)
    return step


def describe_domain(
    domain: str,
    images: Tensor,
    samples: list[SegDataSample],
    preprocessor: JointDataPreprocessor,
) -> DomainInput:
    """Describe one domain of a batch for objectives.

    Raises:
        JointError: When a label is missing.
    """
    labels, padding = stack_labels(domain, samples), _padding_of(images, samples)
    return DomainInput(images, labels, preprocessor.to_unit_range, padding)


def is_labeled(domain: str, samples: list[SegDataSample]) -> bool:
    """Whether a domain's labels are read.

    JointDataset records it for each dataset; in a batch made by hand, the domain's name decides.
    """
    return all(sample.metainfo.get('labeled', domain != 'unlabeled') for sample in samples)


def stack_labels(domain: str, samples: list[SegDataSample]) -> Tensor | None:
    """Stack a domain's labels to (N, H, W), or return None if it is unlabeled.

    Raises:
        JointError: When an image of a labeled domain has none.
    """
    if not is_labeled(domain, samples):
        return None
    for sample in samples:
        if 'gt_sem_seg' not in sample:
            raise JointError(
                f'{sample.metainfo.get("img_path", "An image")} of the domain "{domain}" has '
                "no label: load annotations in its pipeline, or put the domain's dataset into "
                'Unlabeled.'
            )
    return torch.stack([sample.gt_sem_seg.data.squeeze(0) for sample in samples])


def _check_domains(name: str, objective: Objective, inputs: Inputs) -> None:
    for domain in objective.domains:
        if domain not in inputs:
            raise JointError(
                f'model.objectives.{name} needs the domain "{domain}", but the batch has '
                f'only {", ".join(inputs)}: add it to train_dataloader.dataset.domains '
                'and ask for samples of it in train_dataloader.sampler.samples_per_domain.'
            )


def _padding_of(images: Tensor, samples: list[SegDataSample]) -> Tensor | None:
    height, width = images.shape[-2:]
    sizes = [sample.metainfo.get('img_shape', (height, width))[:2] for sample in samples]
    if all(size == (height, width) for size in map(tuple, sizes)):
        return None
    # sizes stay on the host: it would have to wait for a copy of them to a GPU
    padding = images.new_zeros((len(images), height, width), dtype=torch.bool)
    for mask, (rows, columns) in zip(padding, sizes):
        mask[rows:].fill_(True)
        mask[:, columns:].fill_(True)
    return padding


def _samples_of(domain: str, derived: DerivedDomain) -> list[SegDataSample]:
    size = tuple(derived.images.shape[-2:])
    meta: dict[str, Any] = {'domain': domain, 'img_shape': size, 'pad_shape': size}
    meta['labeled'] = derived.labels is not None
    samples = [SegDataSample(metainfo=meta) for _ in derived.images]
    for sample, label in zip(samples, () if derived.labels is None else derived.labels):
        sample.gt_sem_seg = PixelData(data=label[None])
    return samples
