from __future__ import annotations

import pytest
import torch
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import nn
from torch.nn.functional import cross_entropy, interpolate

from mmseg_joint.errors import JointError
from mmseg_joint.models.segmentors import joint_mask_encoder_decoder
from mmseg_joint.models.segmentors.joint_mask_encoder_decoder import check_mmdet
from tests.tiny import CLASSES, HRS, batch, build

QUERIES = 3


@MODELS.register_module()
class NormedMaskHead(BaseModule):
    """A batch norm before :class:`TinyMaskHead`."""

    def __init__(self, in_channels=8, num_classes=CLASSES):
        super().__init__()
        self.norm = nn.BatchNorm2d(in_channels)
        self.head = TinyMaskHead(in_channels, num_classes)
        self.num_classes = self.out_channels = num_classes
        self.align_corners, self.ignore_index = False, 255

    def loss(self, x, batch_data_samples, train_cfg):
        return self.head.loss([self.norm(x[-1])], batch_data_samples, train_cfg)

    def predict(self, x, batch_img_metas, test_cfg):
        return self.head.predict([self.norm(x[-1])], batch_img_metas, test_cfg)


@MODELS.register_module()
class TinyMaskHead(BaseModule):
    """The interface of mmseg's Mask2FormerHead: queries with a class and a mask each."""

    def __init__(self, in_channels=8, num_classes=CLASSES):
        super().__init__()
        self.num_classes = self.out_channels = num_classes
        self.align_corners, self.ignore_index = False, 255
        self.masks = nn.Conv2d(in_channels, QUERIES, 1)
        self.classes = nn.Linear(in_channels, QUERIES * (num_classes + 1))

    def forward(self, x, batch_data_samples):
        classes = self.classes(x[-1].mean(dim=(2, 3)))
        return [classes.unflatten(1, (QUERIES, -1))], [self.masks(x[-1])]

    def loss(self, x, batch_data_samples, train_cfg):
        (classes,), (masks,) = self(x, batch_data_samples)
        firsts = torch.stack([s.gt_sem_seg.data[0, -1, -1] for s in batch_data_samples])
        loss_cls = cross_entropy(classes.flatten(0, 1), firsts.repeat_interleave(QUERIES))
        return dict(loss_cls=loss_cls, loss_mask=masks.square().mean())

    def predict(self, x, batch_img_metas, test_cfg):
        (classes,), (masks,) = self(x, None)
        masks = interpolate(masks, size=batch_img_metas[0]['img_shape'], mode='bilinear')
        return torch.einsum(
            'bqc,bqhw->bchw', classes.softmax(dim=-1)[..., :-1], masks.sigmoid()
        )  # fmt: skip


REGULARIZATION = dict(regularization=dict(type='TargetRegularization', domain='target'))


def masked(objectives=None, head=None):
    head = head or dict(type='TinyMaskHead')
    return build(objectives, type='JointMaskEncoderDecoder', decode_head=head).double()


def prepared(model):
    return model.data_preprocessor(batch(count=2), training=True)


def test_the_supervised_loss_is_the_heads_own():
    model = masked()
    data = prepared(model)
    losses = model.loss(**data)
    for domain in ('source', 'target'):
        features = model.backbone(data['inputs'][domain])
        wanted = model.decode_head.loss(features, data['data_samples'][domain], None)
        for name, value in wanted.items():
            torch.testing.assert_close(losses[f'{domain}.decode.{name}'], value)


def test_objectives_see_each_classs_share_of_the_predicted_map():
    model = masked(REGULARIZATION)
    data = prepared(model)
    images = data['inputs']['target']
    scores = model.decode_head.predict(
        model.backbone(images), [dict(img_shape=images.shape[-2:])], None
    )
    shares = scores / scores.sum(dim=1, keepdim=True)
    expected = -0.1 * (shares**2).mean() / 2
    loss = model.loss(**data)['regularization.loss_main']
    torch.testing.assert_close(loss, expected, rtol=1e-9, atol=0)
    got = torch.autograd.grad(loss, model.decode_head.masks.weight, retain_graph=True)[0]
    wanted = torch.autograd.grad(expected, model.decode_head.masks.weight)[0]
    assert wanted.any()
    torch.testing.assert_close(got, wanted, rtol=1e-7, atol=1e-15)


def test_a_mask_that_vanishes_gives_no_infinity():
    model = masked(REGULARIZATION)
    with torch.no_grad():
        model.decode_head.masks.bias.fill_(-1e4)
    total, _ = model.parse_losses(model.loss(**prepared(model)))
    total.backward()
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)


@pytest.mark.parametrize('moving', [('target',), ('unlabeled',), ('target', 'unlabeled')])
def test_running_averages_of_the_head_move_once_for_each_real_domain(moving):
    """Once, as in mmseg, though it runs twice for a labeled one."""
    model = masked(head=dict(type='NormedMaskHead')).train()
    data = batch(domains=('source', *moving), count=2)
    data = model.data_preprocessor(data, training=True)
    expected = torch.zeros(8).double()
    for domain in moving:
        with torch.no_grad():
            maps = model.backbone(data['inputs'][domain])[-1]
        expected.lerp_(maps.mean(dim=(0, 2, 3)), 0.1)
    model(**data, mode='loss')
    norm = model.decode_head.norm
    torch.testing.assert_close(norm.running_mean, expected)
    assert int(norm.num_batches_tracked) == len(moving)
    assert vars(norm).keys() == vars(nn.BatchNorm2d(8)).keys()  # it is ordinary again


class TestRefusals:
    def test_pixel_weights(self):
        with pytest.raises(JointError, match='TinyMaskHead takes no pixel weights'):
            masked(dict(weighting=HRS['weighting']))

    @pytest.mark.parametrize(
        ('spec', 'reason'),
        [(None, 'mmdet is not installed'), ('there', 'this mmcv has no compiled')],
    )
    def test_missing_mmdet(self, monkeypatch, spec, reason):
        orphan = type('Mask2FormerHead', (BaseModule,), {'__module__': 'mmseg.models.any'})
        monkeypatch.setattr(joint_mask_encoder_decoder, 'find_spec', lambda name: spec)
        with pytest.raises(JointError, match=f'of type Mask2FormerHead needs mmdet.*{reason}'):
            check_mmdet(orphan)
        check_mmdet(TinyMaskHead)

    def test_masks_without_their_type(self):
        with pytest.raises(JointError, match=r'set model\.type to "JointMaskEncoderDecoder"'):
            build(decode_head=dict(type='Mask2FormerHead'))
