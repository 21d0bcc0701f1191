"""What the look at a user's folders finds, and what it says of the rest."""

from __future__ import annotations

import pytest

from mmseg_joint.errors import JointError
from mmseg_joint.project.folders import find_images

from .files import write


def test_labels_that_are_jpegs_are_refused_as_such(tmp_path):
    write(tmp_path, 'img/{}.jpg', 'lbl/{}.jpg', 3, 0, color=True)
    with pytest.raises(JointError, match=r'img/\*\.jpg and lbl/\*\.jpg .*JPEG.* not those that'):
        find_images(tmp_path)
