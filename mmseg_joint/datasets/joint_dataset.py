from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from mmseg.registry import DATASETS
from torch.utils.data import Dataset

from mmseg_joint.datasets.chain import Chain, check_same_classes
from mmseg_joint.datasets.randomness import seeded
from mmseg_joint.datasets.rare_class_sampling import RareClassSampling
from mmseg_joint.datasets.sample_checks import check_packed_label, explain_no_images, load_sample
from mmseg_joint.errors import JointError, reason_of


class SampleRequest(NamedTuple):
    """A request by :class:`JointSampler` for one sample.

    Attributes:
        domain: Name of its domain.
        index: Its index in the domain's dataset.
        position: Its position in the domain's infinite stream, over all ranks.
        batch: Number of its batch, from 0, over the whole run.
        batch_size: Number of samples in that batch.
        seed: The run's seed.
    """

    domain: str
    index: int  # type: ignore[assignment]  # hides tuple.index, which nothing calls
    position: int
    batch: int
    batch_size: int
    seed: int


@DATASETS.register_module()
class JointDataset(Dataset):
    """Several domains in one dataset, each with its own datasets and pipelines.

    The index is a :class:`SampleRequest`. All augmentation is seeded from its seed, domain and
    position, so it is the same in any worker, on any rank, before and after resuming (unless a step
    keeps its own generator, as in some Albumentations releases). The sample's domain, its draw, and
    whether the domain is ``labeled`` go into the metainfo of its ``data_samples``. Every packed
    label, whichever step loaded it, is checked against its image's size and its classes.

    To look at images, a plain index works too: it counts through the domains in order, and the
    augmentation is not seeded.

    Args:
        domains: Name → the config of a dataset, or a list of them; the order is kept. The name
            ``unlabeled`` promises that labels are never read, so a dataset there is wrapped in
            :class:`~mmseg_joint.datasets.Unlabeled` if it is not already.
        lazy_init: Whether to defer listing the files.
        rare_classes: Domain → arguments of :class:`~mmseg_joint.datasets.RareClassSampling`, which
            then draws its images. None draws all images of each domain equally often.

    Raises:
        JointError: When there is no domain, or two labeled ones have different classes.
    """

    def __init__(
        self,
        domains: dict[str, Any],
        lazy_init: bool = False,
        rare_classes: dict[str, dict[str, Any] | None] | None = None,
    ) -> None:
        if not domains:
            raise JointError(
                'JointDataset needs domains=dict(source=..., target=...), but '
                'train_dataloader.dataset.domains is empty: name at least one'
            )
        self.domains = {name: self._build(name, cfg) for name, cfg in domains.items()}
        for name, arguments in (rare_classes or {}).items():
            if name not in self.domains:
                raise JointError(
                    f'train_dataloader.dataset.rare_classes names the domain "{name}", but there '
                    f'is only {", ".join(self.domains)}: correct the name'
                )
            if arguments is not None:
                self.domains[name] = RareClassSampling(self.domains[name], **arguments)
        check_same_classes({f"domain '{n}'": d for n, d in self.domains.items()})
        self._all = Chain(list(self.domains.values()), 'JointDataset.domains')
        self._num_classes = {
            name: len(part.metainfo.get('classes') or ()) for name, part in self.domains.items()
        }
        if not lazy_init:
            self.full_init()

    @staticmethod
    def _build(name: str, cfg: Any) -> Any:
        parts = list(cfg) if isinstance(cfg, (list, tuple)) else [cfg]
        if 'loss' in name or '.' in name:
            raise JointError(
                f"train_dataloader.dataset.domains: the name '{name}' will not do (the log sums "
                'every value with "loss" in its name): choose one without "loss" and dots'
            )
        for index, part in enumerate(parts):
            with _readable(name, part):
                parts[index] = _built(part, name == 'unlabeled')
        chain = Chain(parts, f"domain '{name}'")
        return chain if isinstance(cfg, (list, tuple)) else chain.datasets[0]

    @property
    def metainfo(self) -> dict:
        """The target's metainfo, or the first domain's if there is no target."""
        return self.domains.get('target', next(iter(self.domains.values()))).metainfo

    def full_init(self) -> None:
        """List every domain's files."""
        for name, dataset in self.domains.items():
            with _readable(name):
                dataset.full_init()
        self._all.full_init()

    def get_data_info(self, index: int) -> dict:
        """Return a sample's paths and the like; the index counts through the domains in order."""
        return self._all.get_data_info(index)

    def __len__(self) -> int:
        return len(self._all)

    def __getitem__(self, draw: SampleRequest | int) -> dict:
        if not isinstance(draw, SampleRequest):
            part, index = self._all.locate(draw)
            return self._load(list(self.domains)[part], index)
        with seeded(draw.seed, draw.domain, draw.position):
            packed = self._load(draw.domain, draw.index)
        if 'data_samples' in packed:
            packed['data_samples'].set_metainfo({'draw': draw})
        return packed

    def _load(self, domain: str, index: int) -> dict:
        dataset = self.domains[domain]
        packed = load_sample(dataset, index)
        if 'data_samples' in packed:
            check_packed_label(packed, self._num_classes[domain], f"domain '{domain}'")
            labeled = getattr(dataset, 'labeled', True)
            packed['data_samples'].set_metainfo({'domain': domain, 'labeled': labeled})
            _as_bytes(packed['data_samples'])
        return packed


def _as_bytes(sample: Any) -> None:
    """Store a label as one byte per pixel until it is on the device, where it becomes int64."""
    if 'gt_sem_seg' in sample:
        label = sample.gt_sem_seg.data
        if label.min() >= 0 and label.max() <= 255:  # unknown classes: it may hold any value
            sample.gt_sem_seg.data = label.to(torch.uint8)


@contextmanager
def _readable(domain: str, part: Any = None) -> Iterator[None]:
    """Turn the errors of mmseg's own datasets for missing or empty folders into one sentence."""
    try:
        yield
    except JointError:
        raise
    except (OSError, ValueError, AssertionError) as error:
        reason = reason_of(error)
        if 'concatenate' in reason:  # mmengine, serializing an empty list
            reason = explain_no_images(part)
        raise JointError(
            f'train_dataloader.dataset.domains.{domain} cannot be read ({reason}): check its '
            'data_root, data_prefix, img_suffix and ann_file'
        ) from error


def _built(part: Any, hide_labels: bool) -> Any:
    if hide_labels and (isinstance(part, dict) or getattr(part, 'labeled', True)):
        part = {'type': 'Unlabeled', 'dataset': part}
    return DATASETS.build(part) if isinstance(part, dict) else part
