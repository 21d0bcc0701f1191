from types import SimpleNamespace

import pytest
from mmengine.config import Config

from mmseg_joint.checks.domains import (
    check_batch,
    check_endless,
    check_followers,
    check_objective,
)
from mmseg_joint.errors import JointError
from tests.models.objectives.seam_objectives import SeamAverage


def batch_of(size: int = 4, **shares) -> Config:
    domains = dict(source=dict(type='GTADataset'), target=dict(type='CityscapesIdsDataset'))
    loader = dict(
        batch_size=size, sampler=dict(samples_per_domain=shares), dataset=dict(domains=domains)
    )
    return Config(dict(train_dataloader=loader))


def test_batches():
    check_batch(batch_of(source=3, target=1))
    check_batch(Config(dict(train_dataloader=dict(batch_size=5))))  # of one domain
    check_batch(Config(dict(train_dataloader=None)))
    for shares, message in (
        (dict(sorce=2, target=2), r"names the domain 'sorce', .*\['source', 'target'\]: correct"),
        (dict(source=0.5), r"samples_per_domain\['source'\] is 0\.5: give a whole number from 0\."),
        (
            dict(source=1, target=2),
            r'batch_size is 4: set it to 3, the sum of .*sampler\.samples_per_domain',
        ),
    ):
        with pytest.raises(JointError, match=message):
            check_batch(batch_of(**shares))


def test_epochs_of_a_sampler_without_end():
    epochs = dict(by_epoch=True, max_epochs=2)
    for loop, sampler in ((dict(max_iters=2), 'JointSampler'), (epochs, 'DefaultSampler')):
        loader = dict(sampler=dict(type=sampler))
        check_endless(Config(dict(train_cfg=loop, train_dataloader=loader)))
    check_endless(Config(dict(train_cfg=epochs, train_dataloader=dict(batch_size=1))))
    loader = dict(sampler=dict(type='JointSampler'))
    with pytest.raises(JointError, match=r'^train_cfg\.max_epochs counts epochs, but JointSampler'):
        check_endless(Config(dict(train_cfg=epochs, train_dataloader=loader)))


def test_domains_of_an_objective():
    objective = SimpleNamespace(domains=('source', 'target'))
    check_objective(batch_of(source=1, target=1), 'gan', objective)
    for shares in (dict(source=1), dict(source=1, target=0)):
        with pytest.raises(JointError, match=r'^model\.objectives\.gan needs the domain "target"'):
            check_objective(batch_of(**shares), 'gan', objective)


def test_a_domain_that_another_objective_makes():
    cfg = batch_of(source=1, target=1)
    cfg.model = dict(objectives=dict(pixelda=dict(type='PixelDA'), none=None))
    check_objective(cfg, 'mask', SimpleNamespace(domains=('translated', 'target')))
    with pytest.raises(JointError, match='mask needs the domain "unlabeled"'):  # made by none
        check_objective(cfg, 'mask', SimpleNamespace(domains=('unlabeled',)))
    cfg.model = dict(objectives=dict(gan=dict(type='ReconstructionGAN')))
    with pytest.raises(JointError, match='mask needs the domain "translated"'):
        check_objective(cfg, 'mask', SimpleNamespace(domains=('translated', 'target')))


@pytest.mark.parametrize('kind', ['SeamAverage', SeamAverage])
def test_an_objective_updated_after_every_step_needs_to_be_notified(kind):
    objectives = dict(mix=dict(type='SeamMix'), gone=None, average=dict(type=kind))
    cfg = Config(dict(model=dict(objectives=objectives), optim_wrapper=dict(type='OptimWrapper')))
    with pytest.raises(
        JointError, match=r'objectives\.average is updated .*constructor=.*: set it\.'
    ):
        check_followers(cfg)
    cfg.optim_wrapper.constructor = 'JointOptimWrapperConstructor'
    check_followers(cfg)
    cfg = Config(dict(model=dict(objectives=dict(mix=dict(type='SeamMix'))), optim_wrapper={}))
    check_followers(cfg)
