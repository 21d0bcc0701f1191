from __future__ import annotations

import os
import resource
from multiprocessing import get_context

import pytest

from mmseg_joint.errors import JointError
from mmseg_joint.utils.whole_file import check_writable, write_whole


def test_text_and_bytes_replace_what_was_there(tmp_path):
    path = tmp_path / 'a/b.txt'
    for content, expected in (('grün\n', 'grün\n'.encode()), (b'new', b'new')):
        write_whole(path, content)
        assert path.read_bytes() == expected
    assert list(path.parent.iterdir()) == [path]


def test_a_full_disk_leaves_the_old_file(tmp_path):
    path = tmp_path / 'a.txt'
    path.write_text('old')

    def write(said):
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
        try:
            write_whole(path, b'x' * 2000)
        except JointError as error:
            said.send(str(error))

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
    write_whole(path, 'text')
    assert os.read(reader, 100) == b'text'
    os.close(reader)
    assert list(tmp_path.iterdir()) == [path] and not path.is_file()


def test_what_cannot_be_written_is_told_before_the_work(tmp_path):
    (tmp_path / 'file').touch()
    check_writable(tmp_path / 'file', '--out')
    check_writable(tmp_path / 'new/new/file', '--out')
    with pytest.raises(JointError, match=r'--out .* is a folder: name a file'):
        check_writable(tmp_path, '--out')
    with pytest.raises(JointError, match=r'--out .*file/x: nothing can be written to .*file, name'):
        check_writable(tmp_path / 'file/x', '--out')
    assert sorted(p.name for p in tmp_path.iterdir()) == ['file']
