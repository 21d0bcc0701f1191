from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from mmseg_joint.doctor.files import Reading
from mmseg_joint.doctor.histogram import show_labels
from mmseg_joint.doctor.report import Report


class Part(SimpleNamespace):
    labeled, classes = True, ('road', 'sky', 'bus')

    def __len__(self):
        return 4


@pytest.mark.parametrize(('ignored', 'problems'), [(2, 1), (0, 0)])
def test_one_class_beside_ignored_pixels_is_a_problem(ignored, problems):
    report = Report()
    parts = [Part(name='val', key='k'), Part(name='target', key='other')]
    counts = [6, 0, 0, ignored], [1, 1, 1, 0]
    show_labels([Reading(part, 4, np.array(x)) for part, x in zip(parts, counts)], report)
    said = 'k: its labels hold nothing but road and 255, which is ignored'
    assert [text.partition(':')[:1] for text in report.problems] == [('k',)] * problems
    assert all(text.startswith(said) for text in report.problems)


@pytest.mark.parametrize('read', [3, 4])
def test_an_absent_class_is_a_problem_only_if_every_image_was_read(capsys, read):
    report = Report()
    show_labels([Reading(Part(name='val', key='k'), read, np.array([6, 2, 0, 2]))], report)
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ['road', '75.00'] in rows and ['bus', '-'] in rows and ['ignored', '20.00'] in rows
    assert [text.partition(':')[0] for text in report.problems] == (
        ['no label of val shows bus'] if read == 4 else []
    )


@pytest.mark.parametrize('metric', ['IoUMetric', 'ProtocolIoUMetric'])
def test_a_class_that_validation_lacks_is_said_to_distort_mmsegs_mean(capsys, metric):
    parts = [Part(name='target', key='other'), Part(name='val', key='k')]
    counts = [1, 1, 1, 0], [6, 2, 0, 0]
    readings = [Reading(part, 4, np.array(x)) for part, x in zip(parts, counts)]
    show_labels(readings, Report(), ['val'] if metric == 'IoUMetric' else [])
    said = 'warning: such a class lowers the mIoU of a run that predicts it anywhere'
    assert (said in capsys.readouterr().out) == (metric == 'IoUMetric')
