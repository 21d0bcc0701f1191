from __future__ import annotations

import shutil

from mmseg.registry import DATASETS

from mmseg_joint.doctor.data import OpenDataset
from mmseg_joint.doctor.files import read_files
from mmseg_joint.doctor.report import Report


def read(dataset, report):
    return read_files(OpenDataset('target', 'target', DATASETS.build(dataset)), report, True).pixels


def test_each_image_of_a_subset_of_several_datasets_is_read_as_its_own_dataset_does(
    roots, tmp_path
):
    """Two datasets with the same labels, whose ids stand for other classes."""
    shutil.copytree(roots['CamVidDataset'], tmp_path / 'copy')
    few, many = [0, 1], [*range(2, 11)]

    def dataset(root, *ids):
        load = [dict(type='LoadImageFromFile'), dict(type='LoadIdAnnotations', ids=ids)]
        return dict(
            type='BaseSegDataset',
            metainfo=dict(classes=('crop', 'weed')),
            data_root=str(root),
            data_prefix=dict(img_path='images/train', seg_map_path='labels/train'),
            pipeline=[*load, dict(type='PackSegInputs')],
        )

    report = Report()
    parts = [
        dataset(roots['CamVidDataset'], few, many),
        dataset(tmp_path / 'copy', many, few),
    ]
    crop, weed, ignored = read(parts[0], report)
    assert crop != weed
    both = read(dict(type='LabelSubset', fraction=1.0, dataset=parts), report)
    assert both.tolist() == [crop + weed, crop + weed, 2 * ignored]
    assert not report.problems
