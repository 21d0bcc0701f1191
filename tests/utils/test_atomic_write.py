from __future__ import annotations

import os
import resource
from multiprocessing import get_context

import pytest

from mmseg_joint.errors import JointError
from mmseg_joint.utils.atomic_write import LEFTOVERS, atomic_path, atomic_write, check_writable


def test_text_and_bytes_replace_what_was_there(tmp_path):
    path = tmp_path / 'a/b.txt'
    for content, expected in (('grün\n', 'grün\n'.encode()), (b'new', b'new')):
        atomic_write(path, content)
        assert path.read_bytes() == expected
    assert list(path.parent.iterdir()) == [path]


def test_a_full_disk_leaves_the_old_file(tmp_path):
    path = tmp_path / 'a.txt'
    path.write_text('old')

    def write(pipe):
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
        try:
            atomic_write(path, b'x' * 2000)
        except JointError as error:
            pipe.send(str(error))

    here, there = get_context('fork').Pipe(duplex=False)
    child = get_context('fork').Process(target=write, args=(there,))
    child.start()
    assert here.poll(60)
    assert f'{path} cannot be written (File too large): name' in here.recv()
    child.join()
    assert [p.read_text() for p in tmp_path.iterdir()] == ['old']


def test_a_pipe_is_written_to_and_stays(tmp_path):
    path = tmp_path / 'pipe'
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    atomic_write(path, 'text')
    assert os.read(reader, 100) == b'text'
    os.close(reader)
    assert list(tmp_path.iterdir()) == [path] and not path.is_file()


def test_what_cannot_be_written_is_refused_before_the_work(tmp_path):
    (tmp_path / 'file').touch()
    check_writable(tmp_path / 'file', '--out')
    check_writable(tmp_path / 'new/new/file', '--out')
    with pytest.raises(JointError, match=r'--out .* is a folder: name a file'):
        check_writable(tmp_path, '--out')
    with pytest.raises(JointError, match=r'--out .*file/x: nothing can be written to .*file, name'):
        check_writable(tmp_path / 'file/x', '--out')
    assert sorted(p.name for p in tmp_path.iterdir()) == ['file']


def test_a_function_writes_to_a_path_of_its_own(tmp_path):
    path = tmp_path / 'a.txt'
    path.write_text('old')

    def write(partial):
        assert partial.match(LEFTOVERS)
        partial.write_text('new')
        assert path.read_text() == 'old'

    atomic_write(path, write)
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {'a.txt': 'new'}


def test_several_files_are_replaced_all_or_none(tmp_path):
    first, second = tmp_path / 'first', tmp_path / 'second'
    first.write_text('old')
    with pytest.raises(OSError, match='full'), atomic_path(first) as a, atomic_path(second) as b:
        a.write_text('new')
        b.write_text('new')
        raise OSError('full')
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {'first': 'old'}
    with atomic_path(first) as a, atomic_path(second, durable=True) as b:
        a.write_text('new')
        b.write_text('new')
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {'first': 'new', 'second': 'new'}


def test_an_interrupted_block_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), atomic_path(tmp_path / 'a/b') as partial:
        partial.write_text('half')
        raise KeyboardInterrupt
    assert not list((tmp_path / 'a').iterdir())
