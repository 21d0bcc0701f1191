from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import reduce
from operator import mul
from typing import Any

import torch
from mmengine.model import ModuleDict
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from mmseg.utils import add_prefix
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mmseg_joint.checkpoints.fit import name_absent_objectives_once
from mmseg_joint.checkpoints.pretrained import check_pretrained
from mmseg_joint.errors import JointError
from mmseg_joint.models.objectives import DomainInput, DomainOutput, SegmentorHandle
from mmseg_joint.models.objectives.base import makes_domains
from mmseg_joint.models.objectives.build import build_objectives
from mmseg_joint.utils.renamed import renamed_arguments

from .compatibility import check_segmentor
from .head_losses import avoid_waits
from .norm_statistics import NormStatistics, check_norm_statistics, domains_that_move
from .pixel_weights import PixelWeights, check_weighable, weighted
from .running import evaluation_mode, gradients, group_domains
from .step_domains import (
    Inputs,
    Samples,
    StepDomains,
    derive_domains,
    describe_domain,
    is_labeled,
)
from .step_values import check_finite


@MODELS.register_module()
@renamed_arguments(domains_in_turn='sequential_domains')
class JointEncoderDecoder(EncoderDecoder):
    """mmseg's segmentor, trained on several domains at once with the help of named objectives.

    It adds only `objectives.*` to the state dict, so its checkpoints load in mmseg's own
    `EncoderDecoder`. One forward gives all losses of all networks; one backward of their sum
    gives each network its own gradient (see :class:`mmseg_joint.models.objectives.Objective`).

    Args:
        objectives: Name -> config of an objective. A named dict, so that a child config can change,
            add or (with None) delete one.
        merge_domains: `'auto'` runs neighboring domains with images of one size through the
            segmentor together, with batch statistics for each domain, which changes only the
            time. True enforces one forward and lets the domains share batch statistics; False
            runs one forward per domain.
        sequential_domains: Keep the maps of one domain at a time, and recompute them in the
            backward: less memory, about a third more time, the same gradients. Domains are then
            not merged.
        norm_statistics: Domains whose images move the running averages of batch norms, with which
            the network is tested. In training, each domain is normalized with its own batch
            statistics, so averages over all domains are statistics that the network never saw.
            `'auto'`: the target and the domains without labels, or all datasets where there are
            none (a source-only stage). `'all'`: every domain, one after the other, as in the code
            of AdaptSegNet and maximum squares. Or a list of domains. Domains that objectives make
            count only with `'all'`, or if named.
        channels_last: Keep the segmentor's weights and maps channels-last: faster in half precision
            (on a CPU VGG's convolutions take a third of the time) and for residual networks;
            slower for VGG in float32 on a CPU.
        data_preprocessor: mmseg's config; :class:`JointDataPreprocessor` replaces mmseg's class.
        *args: Arguments of :class:`mmseg.models.EncoderDecoder`.
        **kwargs: Likewise.

    Raises:
        JointError: When an objective is not valid, or weighs pixels whose loss takes no weights.
    """

    _held: NormStatistics | None = None  # of a step whose backward recomputes maps

    def __init__(
        self,
        *args: Any,
        objectives: dict[str, dict[str, Any] | None] | None = None,
        merge_domains: bool | str = 'auto',
        sequential_domains: bool = False,
        norm_statistics: str | Sequence[str] = 'auto',
        channels_last: bool = False,
        data_preprocessor: dict[str, Any] | nn.Module | None = None,
        **kwargs: Any,
    ) -> None:
        if isinstance(data_preprocessor, dict) and (
            data_preprocessor.get('type') in (None, 'SegDataPreProcessor')
        ):
            data_preprocessor = {**data_preprocessor, 'type': 'JointDataPreprocessor'}
        check_segmentor(type(self), kwargs.get('decode_head'))
        super().__init__(*args, data_preprocessor=data_preprocessor, **kwargs)
        if self.out_channels != self.num_classes:
            raise JointError(
                f'model.decode_head.out_channels is {self.out_channels}: joint training needs one '
                f'channel for each of the {self.num_classes} classes; leave it out.'
            )
        if sequential_domains and merge_domains is True:
            raise JointError(
                'model.sequential_domains=True runs one domain at a time, model.merge_domains=True '
                'all at once: leave one of them out.'
            )
        check_norm_statistics(norm_statistics, merge_domains)
        self.norm_statistics = norm_statistics
        self.sequential_domains = sequential_domains
        self.merge_domains = False if sequential_domains else merge_domains
        self.memory_format = torch.channels_last if channels_last else torch.contiguous_format
        for part in self._segmentor_parts():
            part.to(memory_format=self.memory_format)
        self.objectives = ModuleDict()  # for an objective that copies the segmentor
        self.objectives = build_objectives(
            objectives or {},
            num_classes=self.num_classes,
            ignore_index=self.decode_head.ignore_index,
            segmentor=SegmentorHandle(self),
        )
        if self._is_frozen():
            for part in self._segmentor_parts():
                part.requires_grad_(False)
        for name, objective in self.objectives.items():
            if objective.weighs_pixels:
                heads = [*self._decode_heads(), *self._auxiliary_heads()]
                check_weighable(heads, f'model.objectives.{name}')
        for head in self._heads():
            head.sampler = PixelWeights(head.sampler)
        avoid_waits(self._heads())
        self.register_load_state_dict_post_hook(name_absent_objectives_once)

    def init_weights(self) -> None:
        """Initialize the weights; pretrained ones that are absent or fit nothing are refused."""
        for name, module in self.named_modules():
            check_pretrained(module, f'model.{name}' if name else 'model')
        super().init_weights()

    def loss(self, inputs: Inputs | Tensor, data_samples: Samples | list[SegDataSample]) -> dict:
        """Compute every network's losses from one batch.

        Args:
            inputs: Domain -> normalized images, (N, 3, H, W). A single tensor is the target's.
            data_samples: Domain -> the images' samples, with labels unless the domain's dataset
                is unlabeled.

        Returns:
            Named losses: `source.decode.loss_ce`, `<objective>.loss_…`, and values for the log.

        Raises:
            JointError: When an objective needs a domain that the batch lacks, or a label is
                missing.
        """
        if isinstance(inputs, Tensor):
            inputs = {'target': inputs}
        if isinstance(data_samples, list):
            data_samples = {'target': data_samples}
        loaded = list(inputs)
        inputs, data_samples, weights, known = self._derive_domains(inputs, data_samples)
        statistics = self._statistics(inputs, data_samples, loaded)
        # domains that only serve to make others are left out
        needed = {domain for own in self.objectives.values() for domain in own.output_domains}
        needed.update(statistics.moving if statistics.norms else ())
        needed.update(domain for domain in inputs if is_labeled(domain, data_samples[domain]))
        inputs = {domain: images for domain, images in inputs.items() if domain in needed}
        statistics.hold()  # forwards that objectives run move no averages
        try:
            outputs = self._forward_domains(inputs, data_samples, statistics, known)
            return self._losses(outputs, data_samples, weights, statistics)
        finally:
            statistics.release(averages=not statistics.recomputed)
            if statistics.recomputed:
                self._held = statistics  # until the backward is over

    def _losses(
        self,
        outputs: dict[str, DomainOutput],
        data_samples: Samples,
        derived_weights: dict[str, Tensor],
        statistics: NormStatistics,
    ) -> dict[str, Tensor]:
        results = {name: objective(outputs) for name, objective in self.objectives.items()}
        losses = {}
        for domain, output in outputs.items():
            if output.labels is not None:
                given = [derived_weights, *(result.pixel_weights for result in results.values())]
                found = [weights[domain] for weights in given if domain in weights]
                weights = reduce(mul, found) if found else None
                statistic = statistics.of([domain], [len(output.inputs)])
                with statistic, weighted(self._heads(), weights):
                    supervised = self._decode_losses(output, data_samples[domain])
                    if self.with_auxiliary_head:
                        supervised.update(self._auxiliary_losses(output, data_samples[domain]))
                losses.update(add_prefix(supervised, domain))
        for name, result in results.items():
            losses.update(add_prefix(result.losses, name))
        return losses

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Return losses, predictions or score maps, by `mode`, as mmseg does."""
        self._release_statistics()
        return super().forward(*args, **kwargs)

    def train(self, mode: bool = True) -> JointEncoderDecoder:
        """Switch to training or evaluation mode."""
        self._release_statistics()
        super().train(mode)
        if self._is_frozen():
            for part in self._segmentor_parts():
                part.eval()
        return self

    def _is_frozen(self) -> bool:
        return any(own.freezes_segmentor for own in self.objectives.values())

    def _release_statistics(self) -> None:
        if self._held is not None:
            self._held.release()
            self._held = None

    def parse_losses(self, losses: dict[str, Any]) -> tuple[Tensor, OrderedDict]:
        """Sum the losses as mmengine does, and stop if the sum is not finite.

        Raises:
            JointError: When a loss is NaN or infinite; nothing has been updated with it. On a GPU
                it is raised at the end of the backward, so that the host need not wait here.
        """
        total, log_vars = super().parse_losses(losses)
        check_finite(total, log_vars)
        return total, log_vars

    def inspect_batch(
        self, inputs: Inputs, data_samples: Samples
    ) -> tuple[dict[str, DomainOutput], dict[str, dict[str, Tensor]]]:
        """Compute what can be shown of a batch; to be called without gradients.

        Args:
            inputs: Domain -> normalized images, (N, 3, H, W).
            data_samples: Domain -> the images' samples.

        Returns:
            Each domain's outputs, including domains that objectives make; and for each domain
            title -> what an objective shows (:meth:`Objective.visualize`), named after it.

        Raises:
            JointError: When an objective needs a domain that the batch lacks.
        """
        inputs, data_samples, weights, known = self._derive_domains(inputs, data_samples)
        outputs = self._forward_domains(inputs, data_samples, known=known)
        shown: dict[str, dict[str, Tensor]] = {domain: {} for domain in outputs}
        for domain, weight in weights.items():
            shown[domain]['pixel weight'] = weight.clamp(max=1)
        for name, objective in self.objectives.items():
            for domain, maps in objective.visualize(outputs).items():
                shown[domain].update({f'{name}: {title}': value for title, value in maps.items()})
        return outputs, shown

    def segment(
        self, inputs: Tensor, evaluate: bool = False, graph: bool = False
    ) -> tuple[tuple[Tensor, ...], Tensor]:
        """Run backbone, neck and main head alone, outside a step or within it.

        Args:
            inputs: Normalized images, (N, 3, H, W).
            evaluate: Whether to run them as at test time, without a graph. Otherwise they run in
                their present mode, and their running averages stay.
            graph: Whether gradients reach the images nevertheless.

        Returns:
            The backbone's (or neck's) outputs, and the main head's scores at image size,
            (N, C, H, W).
        """
        parts = self._segmentor_parts()
        if evaluate:
            with gradients(graph), evaluation_mode(parts):
                return self._segment(inputs)
        with NormStatistics(parts, moving=set()).of([''], [len(inputs)]):
            return self._segment(inputs)

    def encode_decode(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Score images at test time: by the segmentor, or by an objective's substitute."""
        tested = evaluated_segmentor(self)
        if tested is not self:
            return tested.encode_decode(inputs, batch_img_metas)
        return super().encode_decode(inputs, batch_img_metas)

    def _heads(self) -> list[nn.Module]:
        return [*self._decode_heads(), *self._auxiliary_heads()]

    def _decode_heads(self) -> list[nn.Module]:
        return [self.decode_head]

    def _auxiliary_heads(self) -> list[nn.Module]:
        if not self.with_auxiliary_head:
            return []
        several = isinstance(self.auxiliary_head, nn.ModuleList)
        return list(self.auxiliary_head) if several else [self.auxiliary_head]

    def _derive_domains(self, inputs: Inputs, samples: Samples) -> StepDomains:
        return derive_domains(self.objectives, self.data_preprocessor, inputs, samples)

    def _segmentor_parts(self) -> list[nn.Module]:
        return [child for name, child in self.named_children() if name != 'objectives']

    def _statistics(
        self, inputs: Inputs, samples: Samples, loaded: Sequence[str]
    ) -> NormStatistics:
        self._release_statistics()  # of an earlier step without a backward
        derived = [domain for domain in inputs if domain not in loaded]
        real = {d for d in loaded if d == 'target' or not is_labeled(d, samples[d])}
        deriving = any(makes_domains(type(objective)) for objective in self.objectives.values())
        moving = domains_that_move(self.norm_statistics, loaded, derived, real, not deriving)
        parts = self._segmentor_parts()
        recomputed = any(is_recomputed(module) for part in parts for module in part.modules())
        return NormStatistics(parts, moving, recomputed or self.sequential_domains)

    def _forward_domains(
        self,
        inputs: Inputs,
        samples: Samples,
        statistics: NormStatistics | None = None,
        known: dict[str, DomainInput] | None = None,
    ) -> dict[str, DomainOutput]:
        statistics = statistics or self._statistics(inputs, samples, list(inputs))
        known = known or {}
        known = {
            domain: known.get(domain)
            or describe_domain(domain, images, samples[domain], self.data_preprocessor)
            for domain, images in inputs.items()
        }
        trained = {domain for domain, own in known.items() if own.labels is not None}
        for objective in self.objectives.values():
            trained.update(objective.gradient_domains)
        parts = {}
        merge = self.merge_domains
        if merge == 'auto' and statistics.recomputed:
            merge = False  # in the backward, a batch norm would not know the domains
        for group in group_domains(inputs, trained, merge):
            # what trains nothing needs no graph
            with gradients(not trained.isdisjoint(group)):
                parts.update(self._forward_group(group, inputs, statistics))
        return {
            domain: DomainOutput(
                inputs=own.inputs,
                features=parts[domain][0],
                logits=parts[domain][1],
                labels=own.labels,
                to_unit_range=own.to_unit_range,
                padding=own.padding,
                auxiliary=self._auxiliary(
                    domain, own.inputs, parts[domain][0], statistics, domain in trained
                ),
                shared=own.shared,
            )
            for domain, own in known.items()
        }

    def _forward_group(
        self, group: list[str], inputs: Inputs, statistics: NormStatistics
    ) -> dict[str, tuple[tuple[Tensor, ...], Tensor]]:
        counts = [len(inputs[domain]) for domain in group]
        if len(group) == 1:
            images = inputs[group[0]]
            with statistics.of(group, counts):
                if self.sequential_domains and torch.is_grad_enabled():
                    # losses couple the domains; in the one backward, autograd recomputes a domain's
                    # maps, frees them, and goes on to the next, so that they never coexist
                    return {group[0]: checkpoint(self._segment, images, use_reentrant=False)}
                return {group[0]: self._segment(images)}
        merged = torch.cat([inputs[domain] for domain in group])
        with statistics.of(group, [len(merged)] if self.merge_domains is True else counts):
            features, logits = self._segment(merged)
        # one split for each feature map, then one tuple of feature maps for each domain
        split = list(zip(*(feature.split(counts) for feature in features)))
        return dict(zip(group, zip(split, logits.split(counts))))

    def _segment(self, images: Tensor) -> tuple[tuple[Tensor, ...], Tensor]:
        images = images.contiguous(memory_format=self.memory_format)
        features = tuple(self.extract_feat(images))
        logits = self.decode_head(features)
        if not isinstance(logits, Tensor):
            raise JointError(
                f'model.decode_head of type {type(self.decode_head).__name__} returns no score '
                'map: JointEncoderDecoder needs a head whose forward gives (N, classes, h, w).'
            )
        return features, _enlarged(self.decode_head, logits, images.shape[-2:])

    def _auxiliary(
        self,
        domain: str,
        images: Tensor,
        features: tuple[Tensor, ...],
        statistics: NormStatistics,
        graph: bool,
    ) -> Callable[[], Tensor] | None:
        if not self.with_auxiliary_head:
            return None
        head = self._auxiliary_heads()[0]

        def scores() -> Tensor:
            with gradients(graph), statistics.of([domain], [len(images)]):
                return _enlarged(head, head(features), images.shape[-2:])

        return scores

    def _decode_losses(
        self, output: DomainOutput, samples: list[SegDataSample]
    ) -> dict[str, Tensor]:
        return add_prefix(self.decode_head.loss_by_feat(output.logits, samples), 'decode')

    def _auxiliary_losses(
        self, output: DomainOutput, samples: list[SegDataSample]
    ) -> dict[str, Tensor]:
        if 'auxiliary_logits' not in vars(output):  # no objective has computed them
            return self._auxiliary_head_forward_train(output.features, samples)
        several = isinstance(self.auxiliary_head, nn.ModuleList)
        first, *others = self._auxiliary_heads()
        loss = first.loss_by_feat(output.auxiliary_logits, samples)
        losses = add_prefix(loss, 'aux_0' if several else 'aux')
        for index, head in enumerate(others, start=1):
            loss = head.loss(output.features, samples, self.train_cfg)
            losses.update(add_prefix(loss, f'aux_{index}'))
        return losses


def evaluated_segmentor(model: nn.Module) -> nn.Module:
    """Find the network that is tested: the model, or an objective's `evaluated`."""
    objectives = getattr(model, 'objectives', {})
    found = (objective.evaluated for objective in objectives.values())
    return next((segmentor for segmentor in found if segmentor is not None), model)


def is_recomputed(module: nn.Module) -> bool:
    """Whether activation checkpointing is on: the module's, or the Runner's wrapped `forward`."""
    own = vars(module)  # nn.Module.__getattr__ is slow for missing attributes
    return own.get('with_cp', False) or 'forward' in own


def _enlarged(head: nn.Module, logits: Tensor, size: torch.Size) -> Tensor:
    if logits.shape[-2:] == size:
        return logits
    meta = {'img_shape': size, 'pad_shape': size}
    return head.predict_by_feat(logits, [meta] * len(logits))
