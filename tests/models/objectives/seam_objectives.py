"""Three objectives that use the whole interface; a config may name it in `custom_imports`."""

from __future__ import annotations

import torch
from mmseg.registry import MODELS
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, mse_loss

from mmseg_joint.models.objectives import DerivedDomain, Objective, ObjectiveResult


@MODELS.register_module()
class SeamMix(Objective):
    """Pastes half of a source image's classes into an unlabeled one with pseudo-labels."""

    domains = ('source', 'unlabeled')
    output_domains = ()
    weighs_pixels = True

    def __init__(self, segmentor, threshold=0.5):
        super().__init__()
        self.segmentor, self.threshold = segmentor, threshold

    def derive(self, domains):
        source, unlabeled = domains['source'], domains['unlabeled']
        _, logits = self.segmentor.evaluate(unlabeled.inputs)
        confidence, pseudo = logits.softmax(dim=1).max(dim=1)
        share = (confidence >= self.threshold).to(confidence).mean(dim=(1, 2), keepdim=True)
        pasted = source.truth % 2 == 0
        return {
            'mixed': DerivedDomain(
                torch.where(pasted[:, None], source.unit_images, unlabeled.unit_images),
                torch.where(pasted, source.truth, pseudo),
                torch.where(pasted, 1.0, share),
            )
        }

    def forward(self, outputs):
        return ObjectiveResult({'agreement': (outputs['mixed'].logits > 0).double().mean()})


@MODELS.register_module()
class SeamAverage(Objective):
    """Pulls unlabeled outputs towards those of an averaged copy of the segmentor."""

    domains = ('unlabeled',)

    def __init__(self, segmentor, momentum=0.9, weight=5.0):
        super().__init__()
        self.segmentor, self.momentum, self.weight = segmentor, momentum, weight
        self.teacher = segmentor.copy()
        self.register_buffer('steps', torch.tensor(0))

    def forward(self, outputs):
        student = outputs['unlabeled']
        _, logits = self.teacher.segment(student.inputs, evaluate=True)
        distance = mse_loss(student.logits.softmax(dim=1), logits.softmax(dim=1))
        return ObjectiveResult({'loss_distance': self.weight * distance})

    def after_optimizer_step(self):
        self.steps += 1
        moving = self.segmentor.state()
        for name, value in self.teacher.state_dict().items():
            if value.is_floating_point():
                value.lerp_(moving[name], 1 - self.momentum)


class Reversed(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.view_as(x)

    @staticmethod
    def backward(ctx, gradient):
        return -gradient


@MODELS.register_module()
class SeamReversal(Objective):
    """One loss tells the domains apart; reversed, it aligns them."""

    def __init__(self, num_classes, weight=0.5):
        super().__init__()
        self.weight = weight
        self.classifier = nn.Conv2d(num_classes, 1, 3)

    def forward(self, outputs):
        d_loss = {}
        for label, domain in enumerate(('source', 'target')):
            d_logits = self.classifier(Reversed.apply(outputs[domain].logits.softmax(dim=1)))
            d_loss[domain] = binary_cross_entropy_with_logits(
                d_logits, torch.full_like(d_logits, label)
            )
        return ObjectiveResult({'loss_domains': self.weight * sum(d_loss.values())})
