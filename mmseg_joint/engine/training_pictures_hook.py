from __future__ import annotations

from math import ceil
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.visualization import LocalVisBackend
from mmseg.registry import HOOKS
from torch.utils.data import DataLoader

from mmseg_joint.datasets import JointDataset, JointSampler
from mmseg_joint.datasets.joint_dataset import SampleRequest
from mmseg_joint.datasets.randomness import seeded
from mmseg_joint.engine.isolated_eval import isolated_eval
from mmseg_joint.errors import JointError
from mmseg_joint.utils.atomic_write import atomic_write
from mmseg_joint.utils.numbers import check_whole
from mmseg_joint.utils.unwrapped import unwrapped

FOLDER = 'images'
SEED = 0  # for the samples' augmentation, the same in all runs so that they can be compared


@HOOKS.register_module()
class TrainingPicturesHook(Hook):
    """Draws the networks' outputs for a few fixed samples from time to time.

    `images/<domain>_<number>/iter_<iteration>.png` in the work dir shows a sample, its label, the
    prediction and its confidence, and what each objective adds (:meth:`Objective.visualize`).
    Visualizer backends other than the local one, such as TensorBoard's, get the same sheets.

    The samples are spread over each domain's dataset, as neighbors may be frames of one video, and
    go through the training pipeline with a separate seed, so they are the same in every run,
    resumed or not. The training itself is not affected.

    Args:
        interval: Iterations between two drawings; 0 draws nothing.
        samples: Samples per domain.
        max_moments: Most drawings in a run; an interval that would give more is widened.

    Raises:
        JointError: When a value is not a whole number, or too small.
    """

    priority = 'LOWEST'  # after the checkpoint, which is worth more

    def __init__(self, interval: int = 4000, samples: int = 2, max_moments: int = 100) -> None:
        check_whole('TrainingPicturesHook.interval', interval, least=0)
        check_whole('TrainingPicturesHook.samples', samples)
        check_whole('TrainingPicturesHook.max_moments', max_moments)
        self.interval, self.samples, self.max_moments = interval, samples, max_moments
        self._step = interval
        self._batches: list[dict[str, dict]] | None = None

    def before_train(self, runner: Any) -> None:
        """Determine how often to draw, and log it."""
        self._batches, self._step = None, 0
        if not self.interval or not is_main_process():
            return
        if not hasattr(unwrapped(runner.model), 'inspect_batch'):
            runner.logger.warning(
                f'{type(unwrapped(runner.model)).__name__} is not a JointEncoderDecoder: '
                'TrainingPicturesHook draws nothing.'
            )
            return
        self._step = max(self.interval, ceil(runner.max_iters / self.max_moments))
        if runner.max_iters >= self._step:
            runner.logger.info(
                f'Images of {self.samples} samples of each domain are drawn every {self._step} '
                f'iterations into {Path(runner.work_dir, FOLDER)}.'
            )

    def after_train_iter(self, runner: Any, *args: Any, **kwargs: Any) -> None:
        """Draw, if it is time to."""
        if not self.every_n_train_iters(runner, self._step):
            return
        try:
            with isolated_eval(unwrapped(runner.model)):
                self._draw(runner)
        except Exception as error:  # days of training must not fail over an image
            self._step = 0
            runner.logger.warning(
                f'No more images are drawn in this run: {error}. The training goes on.',
                exc_info=not isinstance(error, JointError),
            )

    def _draw(self, runner: Any) -> None:
        # imported late: most uses of the package draw nothing
        from mmseg_joint.visualization.contact_sheet import draw_sheet, to_array, to_png
        from mmseg_joint.visualization.inspection import file_of, inspect_samples

        if self._batches is None:
            self._batches = _fixed_batches(runner.train_dataloader, self.samples)
        iteration = runner.iter + 1
        metainfo = runner.train_dataloader.dataset.metainfo
        for number, batch in enumerate(self._batches):
            for domain, inspection in inspect_samples(unwrapped(runner.model), batch).items():
                name = f'{domain}_{number}'
                title = f'{domain}, sample {number}, iteration {iteration}'
                file = file_of(batch[domain]) if domain in batch else ''
                sheet = to_array(draw_sheet(inspection, title, metainfo, file))
                path = Path(runner.work_dir, FOLDER, name, f'iter_{iteration:06d}.png')
                atomic_write(path, to_png(sheet))
                for backend in runner.visualizer._vis_backends.values():
                    if not isinstance(backend, LocalVisBackend):  # the file already exists
                        backend.add_image(f'{FOLDER}/{name}', sheet, iteration)


def _fixed_batches(loader: DataLoader, count: int) -> list[dict[str, dict]]:
    """Load the samples in batches of one per domain: domain -> packed sample."""
    dataset, sampler = loader.dataset, loader.sampler
    if not isinstance(dataset, JointDataset):
        return [{'target': _load(dataset, place, count)} for place in range(count)]
    domains = list(dataset.domains)
    if isinstance(sampler, JointSampler):
        domains = [domain for domain in domains if sampler.samples_per_domain.get(domain)]
    batches = []
    for place in range(count):
        where = dict(position=place, batch=place, batch_size=len(domains), seed=SEED)
        index = {domain: _spread(len(dataset.domains[domain]), place, count) for domain in domains}
        batches.append({d: dataset[SampleRequest(d, index[d], **where)] for d in domains})
    return batches


def _load(dataset: Any, place: int, count: int) -> dict:
    with seeded(SEED, 'target', place):
        return dataset[_spread(len(dataset), place, count)]


def _spread(size: int, place: int, count: int) -> int:
    """Return the first sample of the place-th of `count` equal parts of a dataset."""
    return size * place // count
