"""Bad input on the real command lines: one sentence, a status, and nothing lost or half-written."""

from __future__ import annotations

import os
import pickle
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.tiny_configs import ROOT
from tests.tools.fork_server import Ended
from tests.tools.spoiling import (
    Case,
    Malice,
    apply,
    cut,
    first_bytes,
    folder_instead,
    ids,
    mode,
    relabel,
    remove,
    save,
    several,
    with_99,
    write,
)

pytestmark = pytest.mark.skipif(not hasattr(os, 'fork'), reason='needs os.fork')

STREET = 'streets_000001_000019'
IMAGE = f'data/city/leftImg8bit/train/streets/{STREET}_leftImg8bit.png'
LABEL = f'data/city/gtFine/train/streets/{STREET}_gtFine_labelIds.png'
LOGS = re.compile(r'(work|o)/([a-z]+/)?(\d{8}_\d{6}/.*|hrs\.py)')
FIRST_CHECKPOINT = ('work/iter_1.pth', 'work/last_checkpoint')
DOCTOR = 'mmseg_joint.doctor'
RANKS = dict(RANK='0', WORLD_SIZE='1', MASTER_ADDR='127.0.0.1', MASTER_PORT='29500')

MALICE = dict(state_dict=dict(a=torch.zeros(1)), meta=Malice())
STRANGE = dict(state_dict=dict(a=torch.zeros(1)))
DOMAINS = "train_dataloader['dataset']['domains']"
GAN = "model['objectives']['gan']"
LOADING = "dict(type='LoadCheckedImage'), dict(type='LoadMappedAnnotations')"
PACKING = "dict(type='PackSegInputs')"
SUBSET = (
    f"{DOMAINS}['target'] = dict(type='LabelSubset', list_file='list.txt', dataset=dict("
    f"type='CityscapesIdsDataset', data_root='data/city', pipeline=[{LOADING}, {PACKING}]))"
)
NARROW = (
    "model['backbone']['channels'] = (4, 4, 6, 8, 9); model['decode_head']['in_channels'][-1] = 9"
)
PLAIN = (
    "model = dict(type='EncoderDecoder', train_cfg=dict(), test_cfg=dict(mode='whole'), "
    "data_preprocessor=dict(type='SegDataPreProcessor'), "
    "backbone=dict(type='ResNet', depth=18, base_channels=4, stem_channels=4, norm_cfg=dict("
    "type='BN'), init_cfg=dict(type='Pretrained', checkpoint='bad.pth')), "
    "decode_head=dict(type='FCNHead', in_channels=32, in_index=3, channels=8, num_classes=19)); "
    "optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.01))"
)


@pytest.fixture
def place(template, tmp_path):
    """Copy the template, to be spoiled."""
    return shutil.copytree(template, tmp_path / 'place')


@pytest.fixture
def run(lines, place):
    """Run a case in the spoiled place; return its result, and the files that existed before."""

    def run(case: Case, *more: str) -> tuple[Ended, dict[str, tuple[int, int]]]:
        apply(case.spoil, place)
        before = files(place)
        ended = lines.run(
            tool_of(case), *case.arguments.split(), *more, cwd=place, **(case.conditions or {})
        )
        return ended, before

    return run


def tool_of(case: Case) -> str | Path:
    return case.tool if '.' in case.tool else ROOT / f'tools/{case.tool}.py'


def files(place: Path) -> dict[str, tuple[int, int]]:
    """Map each file to its size and modification time."""
    found = {path: path.stat() for path in place.rglob('*') if path.is_file()}
    return {
        str(path.relative_to(place)): (state.st_size, state.st_mtime_ns)
        for path, state in found.items()
    }


def message_of(case: Case, ended: Ended) -> str:
    """Return the one line that reports the mistake."""
    message = ended.stdout if case.tool == DOCTOR else ended.stderr
    word = 'problem: ' if case.tool == DOCTOR and 'problem: ' in message else 'error: '
    message = message if word in message else ended.stderr
    found = [line for line in message.splitlines() if re.match(rf'(\S+\.py: )?{word}', line)]
    assert len(found) == 1, ended
    assert message.strip().splitlines()[-1] == found[0]
    return found[0]


CONFIGS = ids(
    syntax_error=Case(
        r'hrs\.py, line \d+, cannot be read \(SyntaxError: .*never closed.*correct', 'a = ('
    ),
    unknown_variable=Case(r"hrs\.py, line \d+, .*NameError: name 'b' is not", 'a = b'),
    missing_base=Case(
        r'hrs\.py names the base .*gone\.py, which is not there: correct its _base_',
        write('hrs.py', "_base_ = './gone.py'"),
    ),
    error_in_base=Case(
        r'base\.py, line 1, cannot be read \(ZeroDivisionError',
        several(write('base.py', 'a = 1 / 0'), write('hrs.py', "_base_ = './base.py'")),
    ),
    empty=Case('hrs.py has no model, train_dataloader, train_cfg', write('hrs.py')),
    no_config_by_its_name=Case('hrs.pth is not named like one: end it in .py', None, 'hrs.pth'),
    missing_module=Case(
        'custom_imports in hrs.py .*gone_module.*set PYTHONPATH',
        "custom_imports = dict(imports=['gone_module'])",
    ),
    unknown_type=Case(
        'type="VGGEncodr", and no model .*did you mean "VGGEncoder"',
        "model['backbone']['type'] = 'VGGEncodr'",
    ),
    no_type=Case(
        'a dict of imports.*which needs a type: add the key',
        f"{DOMAINS}['target'] = dict(imports=1)",
    ),
    no_dict=Case("'VGG' where dict.* is needed", "model['backbone'] = 'VGG'"),
    unknown_argument=Case(
        'type="VGGEncoder", but .*argument \'depht\': correct the key',
        "model['backbone']['depht'] = 5",
    ),
    unknown_optimizer_type=Case(
        r'optim_wrapper\.segmentor\.optimizer\.type is "Addam".*correct',
        "optim_wrapper['segmentor']['optimizer']['type'] = 'Addam'",
    ),
    unknown_domain=Case(
        r"samples_per_domain names the domain 'targt'.* has \['source', 'target'\]: "
        'correct the name',
        "train_dataloader['sampler']['samples_per_domain'] = dict(source=2, targt=2)",
    ),
    share_of_an_absent_domain=Case(
        "samples_per_domain names the domain 'unlabeled'.*or add the domain",
        "train_dataloader['sampler']['samples_per_domain']['unlabeled'] = 2",
    ),
    no_domain=Case('domains is empty: name at least', f'{DOMAINS} = dict()'),
    misspelt_optimizer=Case(
        r'optim_wrapper\.weigthing matches no network .*: rename the key',
        "optim_wrapper['weigthing'] = optim_wrapper.pop('weighting')",
    ),
    parameter_in_two_optimizers=Case(
        r'optim_wrapper\.gan and optim_wrapper\.gan\.\w+ both hold .*delete one',
        "optim_wrapper['gan']['optimizer'] = dict(type='Adam')",
    ),
    parameter_in_none=Case(
        r'trainable parameters have no optimizer .*add optim_wrapper\.gan\.generator\.$',
        "optim_wrapper['gan']['generator'] = None",
    ),
    batch_size=Case(
        r'batch_size is 5: set it to 4, the sum of .*samples_per_domain',
        "train_dataloader['batch_size'] = 5",
    ),
    negative_learning_rate=Case(
        r'optim_wrapper\.segmentor cannot be built .*learning rate: -1.*correct',
        "optim_wrapper['segmentor']['optimizer']['lr'] = -1.0",
    ),
    no_iterations=Case('max_iters is 0: give a whole number from 1', "train_cfg['max_iters'] = 0"),
    no_validation_interval=Case('val_interval is 0: give', "train_cfg['val_interval'] = 0"),
    schedule_of_an_unknown_optimizer=Case(
        'param_scheduler has a schedule for wieghting, .*: correct or delete the key',
        "param_scheduler = dict.fromkeys(('segmentor', 'weighting', 'wieghting', "
        "'gan.generator', 'gan.discriminator'), [dict(type='PolyLR', by_epoch=False)])",
    ),
    no_schedule_of_an_optimizer=Case(
        r'param_scheduler has no schedule for gan\.discriminator, gan\.generator, weighting',
        'param_scheduler = dict(segmentor=[])',
    ),
    objective_without_its_domain=Case(
        r'model\.objectives\.\w+ needs the domain "source".*ask for samples of it',
        "train_dataloader.update(batch_size=2, sampler=dict(type='JointSampler', "
        'samples_per_domain=dict(target=2)))',
    ),
    unknown_objective=Case(
        r'model\.objectives\.gan: there is no .*did you mean "ReconstructionGAN"',
        f"{GAN}['type'] = 'ReconstructionGen'",
    ),
    channels_of_a_discriminator=Case(
        r'model\.objectives\.gan\.discriminator .* 7 channels .*set its in_channels to 3',
        f"{GAN}['discriminator']['in_channels'] = 7",
    ),
    number_of_classes=Case(
        r'domains\.source has 19 classes but model\.decode_head\.num_classes is 21: make',
        "model['decode_head']['num_classes'] = 21",
    ),
    stages_no_list=Case("stages is 'two': list at least one", "stages = 'two'"),
    stage_without_name=Case(r'stages\.0 needs a name', 'stages = [dict()]'),
    stage_with_unknown_key=Case(
        r'stages\.0 .* sets modle, .* did you mean model', "stages = [dict(name='a', modle=1)]"
    ),
    mixed_list_file=Case(
        r'LabelSubset needs exactly one of .*list_file',
        f"{SUBSET}; {DOMAINS}['target']['count'] = 2",
    ),
)

FILES = ids(
    missing_data_root=Case("no folder 'data/city/.*': correct data_root", remove('data/city')),
    empty_folder=Case(
        r"no '\*\.png' image in 'data/gta/images' \(it is empty\): correct data_root",
        several(remove('data/gta/images'), mode('data/gta/images', 0o755)),
    ),
    image_without_label=Case(rf'no label .*{STREET}_gtFine.*; correct data_root', remove(LABEL)),
    truncated_image=Case(f"'{IMAGE}' is broken or truncated .*copy", cut(IMAGE)),
    truncated_label=Case(f"'{LABEL}' is broken or truncated .*copy", cut(LABEL)),
    label_of_another_size=Case(
        f"'{LABEL}' has 64x45 .*64x48: use labels of the same size .resize them",
        relabel(LABEL, lambda ids: ids[:-3]),
    ),
    label_in_color=Case(
        f"'{LABEL}' is a .*RGB.*: save the ids as",
        relabel(LABEL, lambda ids: np.stack([ids] * 3, axis=-1)),
    ),
    label_out_of_range=Case(rf"'{LABEL}' holds the values \[99\]", relabel(LABEL, with_99)),
    unreadable=Case(f"'{IMAGE}' cannot be read .*denied.*permissions", mode(IMAGE, 0)),
    folder_for_a_label=Case(f'no label .*{STREET}_gtFine.*; correct', folder_instead(LABEL)),
    folder_for_a_config=Case('no config hrs.py: check', folder_instead('hrs.py')),
    list_with_an_absent_image=Case(
        r"list\.txt' names \['streets/gone'\].*correct the list",
        several(write('list.txt', 'streets/gone\n'), SUBSET),
    ),
    empty_list=Case(r"list\.txt' names no image", several(write('list.txt', '\n'), SUBSET)),
)


def checkpoint_cases() -> list[Any]:
    """Pass each bad checkpoint to each tool that would read it."""
    cut_off = first_bytes('hrs.pth', 'bad.pth')
    bad = dict(
        missing=('(There is no checkpoint bad.pth|does not exist): ', None),
        truncated=(r'bad\.pth.* cannot be loaded \(it is cut off\): give', cut_off),
        no_checkpoint=(
            r'bad\.pth.* \(it is no file that PyTorch saved\)',
            write('bad.pth', 'hello'),
        ),
        malicious=(r'bad\.pth.* \(.*no code of a file is run\)', save(MALICE)),
        malicious_and_old=(
            r'bad\.pth.* \(.*no code of a file is run\)',
            save(MALICE, _use_new_zipfile_serialization=False),
        ),
        malicious_and_no_checkpoint=(
            r'bad\.pth.* cannot be loaded',
            lambda place: (place / 'bad.pth').write_bytes(pickle.dumps(MALICE)),
        ),
        unreadable=(
            r'bad\.pth.* \(it may not be read\)',
            several(write('bad.pth'), mode('bad.pth', 0)),
        ),
    )
    ways = dict(
        tested=dict(tool='test', arguments='hrs.py bad.pth'),
        resumed=dict(arguments='hrs.py --resume bad.pth'),
        started_from=dict(arguments='hrs.py --cfg-options load_from=bad.pth'),
        pretrained=dict(extra="model['backbone']['init_cfg'] = dict(type='Pretrained', "
                        "checkpoint='bad.pth')"),
        pretrained_by_a_scoped_name=dict(extra="model['decode_head']['init_cfg'] = dict("
                                         "type='mmengine.Pretrained', checkpoint='bad.pth')"),
        pretrained_in_plain_mmseg=dict(extra=PLAIN),
        started_in_stages=dict(extra="stages = [dict(name='a')]; load_from = 'bad.pth'"),
        exported=dict(tool='export_checkpoint', arguments='hrs.py bad.pth o.pth --with-package'),
        drawn=dict(tool='plot_predictions', arguments='a=hrs.py:bad.pth --out o.png'),
    )  # fmt: skip
    everywhere = ('missing', 'malicious')
    found = {}
    for name, (said, spoil) in bad.items():
        for way, how in ways.items():
            if name in everywhere or way in ('tested', 'resumed'):
                how = dict(how)
                spoils = [part for part in (spoil, how.pop('extra', None)) if part]
                found[f'{name}-{way}'] = Case(said, several(*spoils), **how)
    return ids(**found)


CHECKPOINTS = [
    *checkpoint_cases(),
    *ids(
        of_another_model_tested=Case(
            r'hrs\.pth does not fit hrs\.py: .*fc6\.weight|shape .*; give the config',
            NARROW,
            'hrs.py hrs.pth',
            'test',
        ),
        of_another_model_resumed=Case(
            r'hrs\.pth does not fit hrs\.py: .*; give the config', NARROW, 'hrs.py --resume hrs.pth'
        ),
        of_another_model_started_from=Case(
            "load_from='bad.pth' fits none of .*: give",
            save(STRANGE),
            'hrs.py --cfg-options load_from=bad.pth',
        ),
        of_another_model_started_from_in_stages=Case(
            "load_from='bad.pth' fits none of .*: give",
            several(save(STRANGE), "stages = [dict(name='a')]; load_from = 'bad.pth'"),
        ),
        of_another_model_exported=Case(
            r'hrs\.pth does not fit hrs\.py: .*; give the config',
            NARROW,
            'hrs.py hrs.pth o.pth --with-package',
            'export_checkpoint',
        ),
        of_weights_alone_resumed=Case(
            r'bad\.pth has no meta, optimizer, .*load_from',
            save(STRANGE),
            'hrs.py --resume bad.pth',
        ),
        of_other_optimizers_resumed=Case(
            r'optimizers of .*, the config has .*: resume with the config that wrote it',
            "optim_wrapper['gan'] = dict(optimizer=dict(type='Adam', lr=1e-4))",
            'hrs.py --resume hrs.pth',
        ),
    ),
]

WORK_READ_ONLY = mode('work', 0o555)
ARGUMENTS = ids(
    unknown_flag=Case('unrecognized arguments: --rseume', None, 'hrs.py --rseume'),
    no_value=Case('max_iters: write KEY=VALUE', None, 'hrs.py --cfg-options train_cfg.max_iters'),
    unknown_key=Case(
        'hrs.py has no trian_cfg; did you mean train_cfg',
        None,
        'hrs.py --cfg-options trian_cfg.max_iters=1',
    ),
    unknown_inner_key=Case(
        "IterBasedTrainLoop.*'max_itres': correct the key",
        None,
        'hrs.py --cfg-options train_cfg.max_itres=1',
    ),
    bad_value=Case(
        "max_iters is 'lots': give a whole", None, 'hrs.py --cfg-options train_cfg.max_iters=lots'
    ),
    open_bracket=Case(
        'close every bracket', None, 'hrs.py --cfg-options model.backbone.channels=[1,2'
    ),
    key_in_a_number=Case(
        'train_cfg.max_iters is 2 in hrs.py and holds no x: change',
        None,
        'hrs.py --cfg-options train_cfg.max_iters.x=1',
    ),
    key_beyond_a_list=Case(
        'custom_hooks is a list of 2.*has no 9: correct',
        None,
        'hrs.py --cfg-options custom_hooks.9.type=A',
    ),
    missing_config=Case('no config gone.py: check the path', None, 'gone.py'),
    missing_config_of_a_test=Case('no config gone.py: check', None, 'gone.py gone.pth', 'test'),
    work_dir_a_file=Case(
        r'/taken cannot be used \(File exists\): .*name another',
        write('taken', 'mine'),
        'hrs.py --work-dir taken',
    ),
    work_dir_read_only=Case(
        'work/.* .*Permission denied.*: change its permissions', WORK_READ_ONLY
    ),
    table_id=Case('no table "hrs9": choose from hrs1', None, '--table hrs9', 'tables'),
    table_row=Case('no row "Gone": choose from', None, '--table hrs1 --rows Gone', 'tables'),
    table_scale=Case("choice: 'huge' .choose from", None, '--scale huge', 'tables'),
    table_data=Case(
        'FooDataset=x fits no config .*: name the type',
        None,
        '--run hrs1 --scale streets --data FooDataset=x --dry-run',
        'tables',
    ),
    table_to_a_folder=Case('--out .*data is a folder: name a file', None, '--out data', 'tables'),
    tables_of_missing_configs=Case('--configs gone: .*correct', None, '--configs gone', 'tables'),
    number_of_streets=Case('count must be at least 1', None, 'o --count 0', 'generate_streets'),
    streets_over_others=Case(
        'data/gta/images already holds .*: choose another folder',
        None,
        'data/gta --count 1 --seed 5',
        'generate_streets',
    ),
    converter_of_a_wrong_folder=Case(
        "no PNGs in 'data/city/images': correct SRC",
        None,
        'data/city o',
        'dataset_converters/carla_to_gta',
    ),
    converter_without_labels=Case(
        "no label file 'data/gta/labelIds/00001.png': correct SRC",
        None,
        'data/gta o',
        'dataset_converters/carla_to_gta',
    ),
    converter_into_a_file=Case(
        r'hrs\.py/labels/00001\.png cannot be written .*: name',
        lambda place: (
            shutil.copytree(place / 'data/gta/labels', place / 'data/gta/labelIds')
            and [
                Image.new('L', (64, 48), 1).save(p) for p in (place / 'data/gta/labelIds').glob('*')
            ]
        ),
        'data/gta hrs.py',
        'dataset_converters/carla_to_gta',
    ),
    export_of_a_missing_config=Case(
        'no config gone.py', None, 'gone.py hrs.pth o.pth', 'export_checkpoint'
    ),
    export_over_a_file=Case(
        'taken.pth is there already: choose',
        write('taken.pth', 'mine'),
        'hrs.py hrs.pth taken.pth --with-package',
        'export_checkpoint',
    ),
    export_into_a_file=Case(
        'hrs.py/o.pth cannot be written .*: choose a folder',
        None,
        'hrs.py hrs.pth hrs.py/o.pth --with-package',
        'export_checkpoint',
    ),
    benchmark_without_data=Case(
        "no folder 'data/gta/images': correct data_root",
        remove('data'),
        'hrs.py --data --steps 1 --no-memory',
        'benchmark',
    ),
    benchmark_to_a_folder=Case('data is a folder: name a', None, 'hrs.py --json data', 'benchmark'),
    lists_in_a_file=Case(
        r'hrs\.py/images\.txt cannot be written .*: name',
        None,
        'data/gta/images --counts 1 --out hrs.py',
        'make_label_lists',
    ),
    preparing_a_missing_source=Case(
        "no folder 'gone/images': correct data_root",
        None,
        '--type GTADataset --root gone --size 32 24',
        'prepare_dataset',
    ),
    preparing_over_a_file=Case(
        "'hrs.pth' holds something else .*: choose another",
        None,
        'hrs.py --domain source --out hrs.pth',
        'prepare_dataset',
    ),
    doctor_of_a_broken_config=Case(r'hrs\.py, line \d+, .*: correct it', 'a = (', tool=DOCTOR),
    doctor_of_an_unknown_type=Case(
        'no model has that name: did you mean "VGGEncoder"',
        "model['backbone']['type'] = 'VGGEncodr'",
        tool=DOCTOR,
    ),
    doctor_of_a_missing_config=Case('no config gone.py', None, 'gone.py', DOCTOR),
    figure_of_an_unknown_kind=Case(
        'o.gif: end its name in .png', None, 'a=hrs.py:hrs.pth --out o.gif', 'plot_predictions'
    ),
    predictions_into_a_file=Case(
        "hrs.py/x' cannot be used .*name another|hrs.py/x cannot be used .*name another",
        None,
        'hrs.py hrs.pth --out hrs.py/x',
        'test',
    ),
    demo_without_iterations=Case(
        '--iterations: 0 is not a whole number from 1', None, 'o --iterations 0', 'demo'
    ),
)

EXPORT_FORCED = 'hrs.py hrs.pth taken.pth --with-package --force'
ENVIRONMENT = ids(
    disk_full_in_a_checkpoint=Case(
        r'work/iter_1\.pth could not be written .*: make room', conditions=dict(room=60_000)
    ),
    disk_full_after_a_checkpoint=Case(
        r'work/iter_3\.pth could not be written .*add --resume .*, which is whole',
        lambda place: (
            shutil.copytree(place, place / 'work', ignore=lambda *_: ['data', 'hrs.py'])
            and (place / 'work/hrs.pth').rename(place / 'work/iter_2.pth')
        ),
        'hrs.py --resume --cfg-options train_cfg.max_iters=3',
        conditions=dict(room=60_000),
        left=('work/selection.json',),
    ),
    disk_full_in_an_export=Case(
        r'taken\.pth cannot be written .*enough room',
        write('taken.pth', 'mine'),
        EXPORT_FORCED,
        'export_checkpoint',
        dict(room=20_000),
    ),
    disk_full_in_streets=Case(
        'cannot write streets to o: File too large',
        None,
        'o --count 1 --size 320 240 --workers 1',
        'generate_streets',
        dict(room=12_000),
        ('o/streets.json',),
    ),
    rank_that_is_no_number=Case(
        'variable LOCAL_RANK is "x", .*: unset it', conditions=dict(environment={'LOCAL_RANK': 'x'})
    ),
    world_that_is_no_number=Case(
        'variable WORLD_SIZE is "many", .*torchrun',
        None,
        'hrs.py --launcher pytorch',
        conditions=dict(environment={**RANKS, 'WORLD_SIZE': 'many'}),
    ),
    rank_beyond_the_world=Case(
        r'RANK is 3 of 1 processes .*torchrun',
        None,
        'hrs.py --launcher pytorch',
        conditions=dict(environment={**RANKS, 'RANK': '3'}),
    ),
    launcher_that_did_not_launch=Case(
        'variable SLURM_PROCID, which is not set: start with tools/slurm_train.sh',
        None,
        'hrs.py --launcher slurm',
    ),
    missing_safetensors=Case(
        'run `python -m pip install safetensors`',
        None,
        'hrs.py hrs.pth o.pth --with-package --safetensors',
        'export_checkpoint',
        dict(without=['safetensors']),
    ),
    seed_that_is_no_number=Case(
        r"randomness\.seed is 'abc': give a whole", None, 'hrs.py --cfg-options randomness.seed=abc'
    ),
    seed_of_streets=Case("--seed: invalid int value: 'x'", None, 'o --seed x', 'generate_streets'),
)


@pytest.mark.parametrize('case', [*CONFIGS, *FILES, *CHECKPOINTS, *ARGUMENTS, *ENVIRONMENT])
def test_one_sentence_and_nothing_lost(case, run, place):
    ended, before = run(case)
    message = message_of(case, ended)
    assert re.search(case.said, message), message
    assert ended.status == (1 if 'problem: ' in message else 2)
    assert 'Traceback' not in ended.stdout + ended.stderr
    after = files(place)
    assert {name: after.get(name) for name in before} == before
    for name in after.keys() - before.keys():
        if name in FIRST_CHECKPOINT:  # training reached a bad file later
            assert name.endswith('checkpoint') or zipfile.is_zipfile(place / name)
        else:
            assert LOGS.fullmatch(name) or name in case.left, name


def parameter(name: str) -> Case:
    every = [*CONFIGS, *FILES, *CHECKPOINTS, *ARGUMENTS, *ENVIRONMENT]
    return next(entry.values[0] for entry in every if entry.id == name)


@pytest.mark.parametrize(
    'name',
    ['syntax_error', 'unknown_type', 'truncated_label', 'malicious-tested', 'work_dir_a_file'],
)
def test_debug_shows_the_traceback(name, run):
    case = parameter(name)
    ended, _ = run(case, '--debug')
    assert ended.status == 1
    assert ended.stderr.lstrip().splitlines()[-1].partition(':')[0].endswith('Error')
    assert 'Traceback (most recent call last)' in ended.stderr


@pytest.mark.parametrize('name', ['truncated-resumed', 'doctor_of_a_broken_config'])
def test_a_fork_ends_as_the_command_line_does(name, run, place):
    case = parameter(name)
    forked, _ = run(case)
    tool = tool_of(case)
    start = ['-m', tool] if isinstance(tool, str) else [str(tool)]
    variables = {**os.environ, 'PYTHONPATH': str(ROOT), 'CUDA_VISIBLE_DEVICES': ''}
    command = [sys.executable, *start, *case.arguments.split()]
    done = subprocess.run(command, cwd=place, env=variables, capture_output=True, text=True)
    real = Ended(done.returncode, done.stdout, done.stderr)
    assert (real.status, message_of(case, real)) == (forked.status, message_of(case, forked))


def test_an_unknown_error_keeps_its_traceback(lines, place):
    apply("model['backbone']['channels'] = (4, 4, 6, 8, -8)", place)
    ended = lines.run(ROOT / 'tools/train.py', 'hrs.py', cwd=place)
    assert ended.status == 1
    assert 'Traceback (most recent call last)' in ended.stderr
