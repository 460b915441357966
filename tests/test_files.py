"""A file is written whole or not at all, whatever fails or is killed."""

import errno
import json
import os
import signal
import subprocess
import sys
import threading

import pytest

from simpsons import files
from simpsons.errors import SimpsonsError
from simpsons.files import (
    is_leftover,
    remove_leftovers,
    require_replaceable,
    require_writable,
    whole,
    write_bytes,
    write_text,
)


def test_a_new_file_and_the_folders_above_it(tmp_path):
    path = tmp_path / "not" / "yet" / "there.txt"
    write_text(path, "one\ntwo\n")
    assert path.read_bytes() == b"one\ntwo\n"
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_of_that_name_is_named_and_stays(tmp_path):
    (tmp_path / "out.csv").mkdir()
    with pytest.raises(IsADirectoryError, match=r"out\.csv'$"):
        write_text(tmp_path / "out.csv", "text")
    assert list(tmp_path.iterdir()) == [tmp_path / "out.csv"]


def test_a_link_is_followed(tmp_path):
    (tmp_path / "real.txt").write_text("old")
    (tmp_path / "link.txt").symlink_to(tmp_path / "real.txt")
    write_text(tmp_path / "link.txt", "new")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "real.txt").read_text() == "new"


@pytest.mark.skipif(sys.platform == "win32", reason="has no such files")
def test_what_is_no_file_is_written_to_and_stays(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    write_text(pipe, "text")
    reader.join()
    assert read == [b"text"]
    assert pipe.is_fifo()


def test_a_full_disk_is_said_of_the_file_that_was_asked_for(tmp_path):
    with pytest.raises(OSError, match=r"No space left.*'.*report\.html'$"):  # noqa: SIM117
        with whole(tmp_path / "report.html"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert list(tmp_path.iterdir()) == []


def test_where_nothing_can_be_written_is_known_before(tmp_path, monkeypatch):
    require_writable(tmp_path / "not" / "yet" / "there.html")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(IsADirectoryError):
        require_writable(tmp_path)
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(PermissionError, match=str(tmp_path)):
        require_writable(tmp_path / "there.html")


def test_a_file_that_may_not_be_written_is_kept(tmp_path, monkeypatch):
    kept = tmp_path / "kept.txt"
    kept.write_text("old")
    monkeypatch.setattr(os, "access", lambda path, _: path != kept)
    for write in (require_writable, lambda path: write_text(path, "new")):
        with pytest.raises(PermissionError, match=r"kept\.txt"):
            write(kept)
    assert kept.read_text() == "old"


def test_only_what_was_written_before_is_replaced(tmp_path):
    path = tmp_path / "there.txt"
    require_replaceable(path, "a list", b"sign")
    for content in (b"", b"with the sign in it"):
        path.write_bytes(content)
        require_replaceable(path, "a list", b"no", b"sign")
    path.write_bytes(b"other")
    with pytest.raises(SimpsonsError, match=r"there\.txt: already exists and is not a list"):
        require_replaceable(path, "a list", b"no", b"sign")
    assert path.read_bytes() == b"other"


@pytest.mark.skipif(sys.platform == "win32", reason="has no such permissions")
def test_permissions_stay_as_they_are(tmp_path):
    path = tmp_path / "private.txt"
    path.write_text("old")
    path.chmod(0o600)
    write_text(path, "new")
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_is_no_unicode_is_written_as_an_escape(tmp_path):
    write_text(tmp_path / "a.json", '"\udce9"')
    assert json.loads((tmp_path / "a.json").read_bytes()) == "\udce9"


def test_text_is_utf_8_with_the_line_ends_given(tmp_path):
    write_text(tmp_path / "a.txt", "Äpfel ✓\nzwei\n")
    assert (tmp_path / "a.txt").read_bytes() == "Äpfel ✓\nzwei\n".encode()


def test_bytes_take_the_place_of_the_old_ones(tmp_path):
    path = tmp_path / "a.bin"
    write_bytes(path, b"old and long")
    write_bytes(str(path), b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_readers_see_the_old_file_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "report.html"
    path.write_text("old")
    with whole(path) as temporary:
        temporary.write_text("ne")
        assert path.read_text() == "old"
        with temporary.open("a") as file:
            file.write("w")
        assert path.read_text() == "old"
    assert path.read_text() == "new"


def test_the_file_to_write_to_has_the_same_suffix_and_folder(tmp_path):
    with whole(tmp_path / "figure.png") as temporary:
        assert temporary.suffix == ".png"
        assert temporary.parent == tmp_path
        assert temporary.name != "figure.png"
        temporary.touch()


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
@pytest.mark.parametrize("written", [True, False], ids=["after a part", "before anything"])
def test_an_error_keeps_the_old_file_and_leaves_no_other(tmp_path, error, written):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail():
        with whole(path) as temporary:
            if written:
                temporary.write_text("half")
            raise error

    with pytest.raises(error):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_block_that_writes_nothing_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), whole(tmp_path / "a.txt"):
        pass
    assert not list(tmp_path.iterdir())


def test_a_file_in_the_way_of_a_folder_is_an_os_error(tmp_path):
    (tmp_path / "file").write_text("keep")
    with pytest.raises(OSError, match="file"):
        write_text(tmp_path / "file" / "a.txt", "text")
    assert (tmp_path / "file").read_text() == "keep"


HALF = """
import sys
from simpsons.files import whole

with whole(sys.argv[1]) as temporary:
    temporary.write_text("half")
    print("half", flush=True)
    sys.stdin.readline()
"""


def test_killed_in_the_middle_keeps_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    command = [sys.executable, "-c", HALF, str(path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "half\n"
        process.kill()
        process.wait()
    if sys.platform != "win32":
        assert process.returncode == -signal.SIGKILL
    assert path.read_text() == "old"
    write_text(path, "new")
    assert path.read_text() == "new"


KILLED = """
import os, signal, sys
from simpsons.files import whole
with whole(sys.argv[1]) as temporary:
    temporary.write_bytes(b"a part")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def left(tmp_path, monkeypatch):
    """What a killed process left of `report.html`."""
    subprocess.run([sys.executable, "-c", KILLED, tmp_path / "report.html"], check=False)
    [leftover] = tmp_path.iterdir()
    assert is_leftover(leftover.name)
    monkeypatch.setattr(files, "_looked_at", set())
    return leftover


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_what_a_killed_process_left_is_removed_by_the_next_that_writes_there(left):
    write_text(left.parent / "other.txt", "text")
    assert [path.name for path in left.parent.iterdir()] == ["other.txt"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_what_is_of_another_machine_or_of_others_stays(left, monkeypatch):
    own = left.with_name(".report.partial.html")
    own.write_text("somebody's own")
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(files, "_machine", lambda: "01234567")
        remove_leftovers(left.parent)
    assert left.exists()
    remove_leftovers(left.parent)
    assert list(left.parent.iterdir()) == [own]


def test_what_a_process_still_writes_stays(tmp_path):
    with whole(tmp_path / "at-work.txt") as at_work:
        at_work.write_text("a part")
        remove_leftovers(tmp_path)
        assert at_work.exists()


def test_a_name_as_long_as_names_may_be(tmp_path):
    path = tmp_path / ("n" * 251 + ".txt")
    write_text(path, "text")
    assert path.read_text() == "text"


def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    done = []
    monkeypatch.setattr(os, "fsync", lambda file: done.append(os.fstat(file).st_size))
    path = tmp_path / "a.bin"
    write_bytes(path, b"four")
    assert done == []
    write_bytes(path, b"seven..", flush=True)
    assert done[0] == 7
