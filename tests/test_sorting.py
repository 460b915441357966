import errno
import os
import signal
import sys

import pytest

from simpsons.classifier import Prediction
from simpsons.errors import SimpsonsError
from simpsons.sorting import SortedFolder, SortingError, folder_name


def answer(path, label="homer_simpson", *, known=True):
    familiarity = 1.0 if known else 0.0
    return Prediction(path and str(path), ((label, 0.9),), familiarity, 0.5)


def written(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def content(folder):
    """Every file below a folder."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.fixture
def target(tmp_path):
    return tmp_path / "new" / "sorted"


def test_copies_lie_by_verdict_and_the_originals_stay(tmp_path, target):
    homer, nobody = written(tmp_path / "a/1.jpg", b"homer"), written(tmp_path / "a/2.jpg", b"?")
    os.utime(homer, (1_000_000_000, 1_000_000_000))
    folder = SortedFolder(target)
    assert folder.add(answer(homer)) == (target / "homer_simpson" / "1.jpg", True)
    assert folder.add(answer(nobody, known=False)) == (target / "unknown" / "2.jpg", True)
    assert content(target) == {"homer_simpson/1.jpg": b"homer", "unknown/2.jpg": b"?"}
    assert content(tmp_path / "a") == {"1.jpg": b"homer", "2.jpg": b"?"}
    assert (target / "homer_simpson/1.jpg").stat().st_mtime == 1_000_000_000


def test_names_that_collide_are_kept_apart_and_a_second_run_adds_nothing(tmp_path, target):
    pictures = [written(tmp_path / f"{where}/x.jpg", where.encode()) for where in "abc"]
    first = [SortedFolder(target).add(answer(path)) for path in pictures]
    there = content(target)
    assert sorted(there.values()) == [b"a", b"b", b"c"]
    assert [one.is_new for one in first] == [True] * 3
    assert first[0].path.name == "x.jpg"
    for order in (pictures, pictures[::-1]):
        again = {path: SortedFolder(target).add(answer(path)) for path in order}
        assert [again[path].path for path in pictures] == [one.path for one in first]
        assert not any(one.is_new for one in again.values())
    assert content(target) == there


def test_nothing_is_overwritten(tmp_path, target):
    picture = written(tmp_path / "x.jpg", b"homer")
    own = written(target / "homer_simpson" / "x.jpg", b"somebody's own")
    placed = SortedFolder(target).add(answer(picture))
    assert own.read_bytes() == b"somebody's own"
    assert placed.path.read_bytes() == b"homer"
    placed.path.write_bytes(b"changed")
    with pytest.raises(SortingError, match="another file there"):
        SortedFolder(target).add(answer(picture))
    assert sorted(content(target).values()) == [b"changed", b"somebody's own"]


def test_what_appears_meanwhile_is_not_overwritten(tmp_path, target, monkeypatch):
    picture = written(tmp_path / "x.jpg", b"homer")
    folder = SortedFolder(target)
    utime = os.utime

    def late(path, **times):
        written(target / "homer_simpson" / "x.jpg", b"theirs")
        utime(path, **times)

    monkeypatch.setattr(os, "utime", late)
    placed = folder.add(answer(picture))
    assert placed.path.name != "x.jpg"
    assert sorted(content(target).values()) == [b"homer", b"theirs"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="copies the process")
@pytest.mark.parametrize(("before", "is_there"), [("utime", False), ("unlink", True)])
def test_what_a_killed_process_left_is_removed(tmp_path, target, monkeypatch, before, is_there):
    homer = written(tmp_path / "a/1.jpg", b"homer")
    copy = os.fork()
    if copy == 0:
        monkeypatch.setattr(os, before, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
        SortedFolder(target).add(answer(homer))
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(copy, 0)[1]) == -signal.SIGKILL
    assert len(content(target)) == 1 + is_there
    assert SortedFolder(target).add(answer(homer)).is_new != is_there
    assert content(target) == {"homer_simpson/1.jpg": b"homer"}


def test_without_hard_links_it_copies_all_the_same(tmp_path, target, monkeypatch):
    picture = written(tmp_path / "x.jpg", b"homer")

    def refuse(*_, **__):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    assert SortedFolder(target).add(answer(picture)).is_new
    assert content(target) == {"homer_simpson/x.jpg": b"homer"}
    if os.name != "nt":
        linked = SortedFolder(tmp_path / "links", link=True).add(answer(picture))
        assert linked.path.is_symlink()
        assert linked.path.samefile(picture)
        assert not SortedFolder(tmp_path / "links", link=True).add(answer(picture)).is_new


def test_links_share_the_file(tmp_path, target):
    pictures = [written(tmp_path / f"{where}/x.jpg", where.encode()) for where in "ab"]
    placed = [SortedFolder(target, link=True).add(answer(path)) for path in pictures]
    assert all(one.path.samefile(path) for one, path in zip(placed, pictures, strict=True))
    assert not any(
        SortedFolder(target, link=link).add(answer(path)).is_new
        for path in pictures
        for link in (True, False)
    )
    assert len(content(target)) == 2


@pytest.mark.skipif(os.name == "nt", reason="links need permission")
def test_a_linked_picture_is_copied_and_a_dead_link_is_left(tmp_path, target):
    real = written(tmp_path / "real.jpg", b"homer")
    (tmp_path / "x.jpg").symlink_to(real)
    dead = target / "homer_simpson" / "x.jpg"
    dead.parent.mkdir(parents=True)
    dead.symlink_to(tmp_path / "gone.jpg")
    placed = SortedFolder(target).add(answer(tmp_path / "x.jpg"))
    assert dead.is_symlink()
    assert not placed.path.is_symlink()
    assert placed.path.read_bytes() == b"homer"
    linked = SortedFolder(tmp_path / "links", link=True).add(answer(tmp_path / "x.jpg"))
    assert linked.path.samefile(real)


def test_a_picture_without_a_path(target, drawings):
    data = next(drawings.rglob("*.jpg")).read_bytes()
    folder = SortedFolder(target)
    placed = folder.add(answer("-"), data)
    assert placed.path.suffix == ".jpeg"
    assert placed.path.read_bytes() == data
    assert folder.add(answer("-"), data) == (placed.path, False)
    with pytest.raises(SortingError, match="has no path; give its content"):
        folder.add(answer(None))


def test_what_fails_is_said_and_leaves_nothing(tmp_path, target):
    folder = SortedFolder(target)
    with pytest.raises(SortingError, match=r"gone.jpg: can't be put into .*\(No such file"):
        folder.add(answer(tmp_path / "gone.jpg"))
    with pytest.raises(SortingError):
        SortedFolder(target, link=True).add(answer(tmp_path / "gone.jpg"))
    assert content(target) == {}
    written(target / "unknown", b"a file")
    picture = written(tmp_path / "x.jpg", b"homer")
    with pytest.raises(SortingError, match=r"x.jpg: can't be put into .*unknown"):
        folder.add(answer(picture, known=False))
    with pytest.raises(SimpsonsError, match="can't be sorted into it"):
        SortedFolder(picture)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other limits")
def test_a_name_as_long_as_a_name_can_be(tmp_path, target):
    name = "ü" * 125 + ".jpg"
    pictures = [written(tmp_path / where / name, where.encode()) for where in "ab"]
    for path in pictures:
        SortedFolder(target).add(answer(path))
    assert sorted(content(target).values()) == [b"a", b"b"]


@pytest.mark.parametrize(
    "label",
    ["homer_simpson", "Homer Simpson", "Mr. Burns", "Müller", "ホーマー", "unknown", "con_air"],
)
def test_ordinary_names_of_classes_are_those_of_folders(label):
    assert folder_name(label) == label


AWKWARD = [
    *("a/b", "a\\b", "a:b", "..", ".", "", " ", "../../etc", "/etc", "C:\\x", ".hidden", "end."),
    *("end ", "CON", "nul.txt", "com1", "a\0b", "a\nb", "long" * 100, "ü" * 100, "\ud800", "*?<>|"),
]


def test_awkward_names_of_classes_are_made_safe_and_stay_apart(tmp_path, target):
    picture = written(tmp_path / "x.jpg", b"homer")
    folder = SortedFolder(target)
    names = [folder_name(label) for label in AWKWARD]
    assert len({name.casefold() for name in names}) == len(AWKWARD)
    for label, name in zip(AWKWARD, names, strict=True):
        placed = folder.add(answer(picture, label)).path
        assert placed == target / name / "x.jpg"
        assert placed.resolve().is_relative_to(target.resolve())
        assert len(name.encode()) < 120
        assert not name.startswith((".", " "))
        assert not name.endswith((".", " "))
    assert len(list(target.iterdir())) == len(AWKWARD)
