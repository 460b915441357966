"""Pictures are decoded once; whatever changes, fails or is killed, the pixels are right."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from platformdirs import user_cache_path

from simpsons import processors
from simpsons.dataset import cache
from simpsons.dataset.folders import DataError, Problem, find
from simpsons.pixels import images, memory_map


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    """A cache that is empty when a test begins."""
    monkeypatch.setenv("SIMPSONS_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def pictures(tmp_path, paint):
    """Two classes of four pictures in different formats and sizes."""
    root = tmp_path / "pictures"
    paint(root / "cat" / "0.png", 0, (64, 64))
    paint(root / "cat" / "1.jpg", 1, (200, 120))
    turned = Image.Exif()
    turned[0x0112] = 6
    paint(root / "cat" / "2.jpg", 2, (96, 72), exif=turned)
    paint(root / "cat" / "3.webp", 3, (30, 40), lossless=True)
    paint(root / "dog" / "0.gif", 4)
    paint(root / "dog" / "1.bmp", 5, (1, 1))
    paint(root / "dog" / "2.tiff", 6)
    paint(root / "dog" / "old" / "3.jpg", 7)
    return root


@pytest.fixture
def decoded(monkeypatch):
    """How often each file is decoded, by name."""
    count = Counter()
    real = images.load_file

    def load_file(source, *size, **way):
        count[Path(getattr(source, "name", source)).name] += 1
        return real(source, *size, **way)

    monkeypatch.setattr(images, "load_file", load_file)
    return count


def entries() -> list[str]:
    """What the cache holds, lock files aside."""
    folder = cache.cache_folder() / "decoded"
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".lock")


def assert_right(dataset, root, count):
    assert len(dataset) == count == len(dataset.images)
    for path, pixels in zip(dataset.paths, dataset.images, strict=True):
        assert np.array_equal(pixels, images.load(root / path)), path
    shown = [dataset.classes[label] for label in dataset.labels]
    assert shown == [path.split("/")[0] for path in dataset.paths]


# ---- what is loaded ------------------------------------------------------------------------


def test_pixels_are_those_the_networks_are_given_elsewhere(pictures):
    dataset = cache.load(pictures)
    assert_right(dataset, pictures, 8)
    assert dataset.images.shape == (8, 64, 64, 3)
    assert dataset.images.dtype == np.uint8
    assert dataset.labels.dtype == np.int64
    assert dataset.classes == ("cat", "dog")
    assert dataset.root == pictures
    assert dataset.problems == ()


def test_sizes_and_formats_are_those_of_the_files(pictures):
    dataset = cache.load(pictures)
    assert dict(zip(dataset.paths, dataset.formats, strict=True)) == {
        "cat/0.png": "PNG",
        "cat/1.jpg": "JPEG",
        "cat/2.jpg": "JPEG",
        "cat/3.webp": "WEBP",
        "dog/0.gif": "GIF",
        "dog/1.bmp": "BMP",
        "dog/2.tiff": "TIFF",
        "dog/old/3.jpg": "JPEG",
    }
    sizes = dict(zip(dataset.paths, dataset.sizes.tolist(), strict=True))
    assert sizes["cat/1.jpg"] == [200, 120]
    assert sizes["cat/2.jpg"] == [72, 96], "as shown, turned by its EXIF orientation"
    assert sizes["dog/1.bmp"] == [1, 1]


def test_each_file_is_opened_once(pictures, monkeypatch):
    opened = []
    real = os.open

    def count(path, *args, **kwargs):
        opened.append(Path(path))
        return real(path, *args, **kwargs)

    monkeypatch.setattr(os, "open", count)
    dataset = cache.load(pictures)
    read = [path for path in opened if path.is_relative_to(pictures)]
    assert sorted(read) == sorted(pictures / path for path in dataset.paths)


def test_pixels_are_mapped_and_can_not_be_written(pictures):
    dataset = cache.load(pictures)
    assert isinstance(dataset.images, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        dataset.images[0] = 0


def test_only_the_characters_asked_for_are_decoded(pictures, decoded):
    dataset = cache.load(pictures, ["dog"])
    assert dataset.classes == ("dog",)
    assert_right(dataset, pictures, 4)
    assert set(decoded) >= {"0.gif", "1.bmp"}
    assert not decoded.keys() & {"0.png", "3.webp"}


def test_progress_sees_every_picture(pictures):
    seen = []

    def track(items, total, description):
        for item in items:
            seen.append((total, description))
            yield item

    cache.load(pictures, track=track)
    assert seen == [(8, "decoding")] * 8
    cache.load(pictures, track=track)
    assert len(seen) == 8


def test_after_an_interruption_the_rest_is_not_decoded(pictures, decoded, monkeypatch):
    def interrupt(items, total, description):
        for _ in items:
            raise KeyboardInterrupt
        yield

    monkeypatch.setattr(cache, "_CHUNK", 1)
    monkeypatch.setattr(processors, "count", lambda: 1)
    load_file = images.load_file
    monkeypatch.setattr(
        images, "load_file", lambda file, **way: time.sleep(0.2) or load_file(file, **way)
    )
    with pytest.raises(KeyboardInterrupt) as interruption:
        cache.load(pictures, track=interrupt)
    seen = decoded.total()
    time.sleep(0.3)
    assert decoded.total() == seen < 8
    del interruption  # whose frames have kept what decodes until now


# ---- used again ----------------------------------------------------------------------------


def test_the_second_load_decodes_nothing(pictures, decoded):
    first = cache.load(pictures)
    assert decoded.total() == 8
    second = cache.load(pictures)
    assert decoded.total() == 8
    assert np.array_equal(first.images, second.images)
    assert np.array_equal(first.labels, second.labels)
    assert np.array_equal(first.sizes, second.sizes)
    assert first.paths == second.paths
    assert first.formats == second.formats


def test_another_way_to_name_the_folder_uses_the_same_entry(pictures, decoded, monkeypatch):
    cache.load(pictures)
    monkeypatch.chdir(pictures / "cat")
    assert cache.load("..").paths == cache.load(pictures).paths
    assert decoded.total() == 8


def test_two_choices_of_characters_stay_side_by_side(pictures, decoded):
    for _ in range(2):
        assert_right(cache.load(pictures, ["dog"]), pictures, 4)
        assert_right(cache.load(pictures), pictures, 8)
    assert len(entries()) == 2
    assert decoded["0.gif"] == 2 + 4  # once for each entry, and by `assert_right`


def test_the_cache_is_where_the_environment_says(pictures, tmp_path, monkeypatch):
    before = sorted(pictures.rglob("*"))
    monkeypatch.setenv("SIMPSONS_CACHE", str(tmp_path / "of my own" / "cache"))
    cache.load(pictures)
    assert cache.cache_folder() == tmp_path / "of my own" / "cache"
    assert len(entries()) == 1
    assert sorted(pictures.rglob("*")) == before


def test_without_the_environment_it_is_the_users_own(monkeypatch):
    monkeypatch.delenv("SIMPSONS_CACHE")
    assert cache.cache_folder() == user_cache_path("simpsons", appauthor=False)


def test_without_a_home_it_is_among_the_temporary_files(tmp_path, monkeypatch):
    def unknown(*_args, **_how):
        raise RuntimeError("could not determine the home directory")

    monkeypatch.delenv("SIMPSONS_CACHE")
    monkeypatch.setattr(cache, "user_cache_dir", unknown)
    monkeypatch.setattr(cache.tempfile, "gettempdir", lambda: str(tmp_path))
    folder = cache.cache_folder()
    assert folder == cache.cache_folder() == tmp_path / f"simpsons-{os.getuid()}"
    assert folder.stat().st_mode & 0o777 == 0o700
    monkeypatch.setattr(cache, "user_cache_dir", lambda *_, **__: "~/.cache/simpsons")
    assert cache.cache_folder() == folder
    folder.chmod(0o777)
    with pytest.raises(DataError, match="may be another user's; set SIMPSONS_CACHE"):
        cache.cache_folder()


# ---- what changed --------------------------------------------------------------------------


def add(root, paint):
    paint(root / "dog" / "9.png", 9)


def remove(root, _):
    (root / "cat" / "1.jpg").unlink()


def draw_anew(root, paint):
    paint(root / "cat" / "1.jpg", 11, (200, 120))


def touch(root, _):
    os.utime(root / "cat" / "1.jpg", ns=(1, 1))


def add_a_class(root, paint):
    paint(root / "bird" / "0.png", 12)


@pytest.mark.parametrize(
    ("change", "count", "kept"),
    [(add, 9, 1), (remove, 7, 1), (draw_anew, 8, 1), (touch, 8, 1), (add_a_class, 9, 2)],
)
def test_a_change_is_noticed(pictures, paint, decoded, change, count, kept):
    """The old entry goes; with another class it is the entry of another choice, and stays."""
    cache.load(pictures)
    old = entries()
    decoded.clear()
    change(pictures, paint)
    dataset = cache.load(pictures)
    assert decoded.total() == count
    assert_right(dataset, pictures, count)
    new = entries()
    assert new != old
    assert len(new) == kept


@pytest.mark.skipif(sys.platform == "win32", reason="has no time of such a change")
def test_a_change_that_keeps_size_and_time_is_noticed(tmp_path, paint):
    file = paint(tmp_path / "a" / "1.bmp", 0)
    cache.load(tmp_path)
    before = file.stat()
    time.sleep(0.05)  # file times go by the ticks of a clock
    paint(file, 1)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = file.stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert_right(cache.load(tmp_path), tmp_path, 1)


def test_a_loaded_data_set_outlives_its_entry(pictures, paint):
    old = cache.load(pictures)
    before = np.array(old.images)
    add(pictures, paint)
    cache.load(pictures)
    assert np.array_equal(old.images, before)


# ---- what can't be read --------------------------------------------------------------------


def spoil(root: Path) -> None:
    whole = (root / "cat" / "1.jpg").read_bytes()
    (root / "cat" / "1.jpg").write_bytes(whole[: len(whole) // 2])
    (root / "cat" / "text.jpg").write_text("no picture")
    (root / "dog" / "empty.png").write_bytes(b"")
    (root / "dog" / "notes.txt").write_text("a note")


def test_bad_files_become_problems_and_the_rest_goes_on(pictures, decoded):
    spoil(pictures)
    for _ in range(2):
        dataset = cache.load(pictures)
        assert {problem.path: problem.reason.split(";")[0] for problem in dataset.problems} == {
            "cat/1.jpg": "the picture is truncated",
            "cat/text.jpg": "not a picture in a format known here",
            "dog/empty.png": "the file is empty",
            "dog/notes.txt": "not a picture file",
        }
        assert "cat/1.jpg" not in dataset.paths
    assert decoded["text.jpg"] == 1
    assert_right(dataset, pictures, 7)
    assert dataset.paths[:3] == ("cat/0.png", "cat/2.jpg", "cat/3.webp")
    assert dataset.sizes.shape == (7, 2)
    assert len(dataset.formats) == 7


def test_a_file_that_vanishes_before_it_is_read_is_a_problem(pictures, monkeypatch):
    listing = find(pictures)
    (pictures / "cat" / "1.jpg").unlink()
    monkeypatch.setattr(cache, "find", lambda *_, **__: listing)
    dataset = cache.load(pictures)
    assert dataset.problems == (Problem("cat/1.jpg", "no such file; check the path"),)
    assert_right(dataset, pictures, 7)


def test_a_file_without_permission_is_a_problem_until_it_has_it(pictures, monkeypatch):
    locked = pictures / "cat" / "1.jpg"
    real = os.open

    def refuse(path, *args, **kwargs):
        if path == locked:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *args, **kwargs)

    with monkeypatch.context() as without_permission:
        without_permission.setattr(os, "open", refuse)
        dataset = cache.load(pictures)
    assert [problem.path for problem in dataset.problems] == ["cat/1.jpg"]
    assert "no permission to read it" in dataset.problems[0].reason
    assert_right(dataset, pictures, 7)
    if sys.platform != "win32":
        time.sleep(0.05)  # file times go by the ticks of a clock
        locked.chmod(0o640)
        assert_right(cache.load(pictures), pictures, 8)


def test_what_could_not_be_read_for_a_while_is_read_again(pictures, decoded, monkeypatch):
    real = os.read

    def fail(file, size):
        if size == (pictures / "cat" / "1.jpg").stat().st_size:
            raise OSError(5, "Input/output error")
        return real(file, size)

    with monkeypatch.context() as away:
        away.setattr(os, "read", fail)
        dataset = cache.load(pictures)
        assert [problem.path for problem in dataset.problems] == ["cat/1.jpg"]
        assert "can't be read (Input/output error)" in dataset.problems[0].reason
    decoded.clear()
    datasets = [cache.load(pictures) for _ in range(2)]
    assert decoded.total() == 8
    assert_right(datasets[1], pictures, 8)
    assert len(entries()) == 1


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[-len(content) // 3] ^= 1
    file.write_bytes(content)


def zero_the_pixels(file: Path) -> None:
    np.lib.format.open_memmap(file, "r+")[:] = 0


DAMAGE = {
    "gone": Path.unlink,
    "empty": lambda file: os.truncate(file, 0),
    "cut": lambda file: os.truncate(file, file.stat().st_size // 2),
    "longer": lambda file: os.truncate(file, file.stat().st_size + 4096),
    "a bit": flip,
}
OF_PIXELS = {
    "zeroed": zero_the_pixels,
    "type": lambda file: np.save(file, np.load(file).astype(np.int8)),
    "shape": lambda file: np.save(file, np.load(file).swapaxes(1, 3)),
}


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        *((name, how) for name in ("index.json", "images.npy", "sums.json") for how in DAMAGE),
        *(("images.npy", how) for how in OF_PIXELS),
    ],
)
def test_a_damaged_entry_is_made_anew(pictures, name, damage):
    cache.load(pictures)
    [entry] = entries()
    (DAMAGE | OF_PIXELS)[damage](cache.cache_folder() / "decoded" / entry / name)
    assert_right(cache.load(pictures), pictures, 8)
    assert entries() == [entry]


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs Linux's list of open files")
def test_an_entry_is_on_the_disk_before_it_has_its_name(pictures, monkeypatch):
    done, rename = [], Path.rename
    real = os.fsync

    def fsync(file):
        done.append(Path(f"/proc/self/fd/{file}").readlink().name)
        real(file)

    def renamed(path, target):
        result = rename(path, target)
        done.append("renamed")
        return result

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "rename", renamed)
    cache.load(pictures)
    [entry] = entries()
    before = done[: done.index("renamed")]
    assert sorted(before) == sorted(["index.json", "images.npy", "sums.json", f"{entry}.partial"])
    assert done[done.index("renamed") :] == ["renamed", "decoded"]


def test_pictures_of_a_drive_that_went_away_are_read_again(pictures, decoded):
    away = pictures.with_name("away")
    listing = find(pictures)
    (pictures / "dog").rename(away)
    with pytest.MonkeyPatch.context() as listed:
        listed.setattr(cache, "find", lambda *_, **__: listing)
        dataset = cache.load(pictures)
    assert_right(dataset, pictures, 4)
    assert {problem.path.split("/")[0] for problem in dataset.problems} == {"dog"}
    away.rename(pictures / "dog")
    assert_right(cache.load(pictures), pictures, 8)


def test_stopped_while_an_old_entry_is_removed_leaves_no_part_of_it(pictures, paint, monkeypatch):
    real = shutil.rmtree

    def stop_halfway(folder, **how):
        if (Path(folder) / "images.npy").exists():
            (Path(folder) / "images.npy").unlink()
            raise KeyboardInterrupt
        real(folder, **how)

    cache.load(pictures)
    paint(pictures / "dog" / "9.png", 9)
    with monkeypatch.context() as stopped:
        stopped.setattr(shutil, "rmtree", stop_halfway)
        with pytest.raises(KeyboardInterrupt):
            cache.load(pictures)
    assert sorted(Path(name).suffix for name in entries()) == ["", ".partial"]
    (pictures / "dog" / "9.png").unlink()
    assert_right(cache.load(pictures), pictures, 8)
    assert len(entries()) == 1


def test_nothing_readable_is_an_error_and_is_not_kept(tmp_path, paint):
    root = tmp_path / "pictures"
    for name in ("a/1.jpg", "b/2.jpg"):
        (root / name).parent.mkdir(parents=True)
        (root / name).write_text("no picture")
    for _ in range(2):
        with pytest.raises(DataError, match="none of its 2 picture files can be read") as caught:
            cache.load(root)
    assert str(caught.value).startswith(f"{root}: ")
    assert "a/1.jpg" in str(caught.value)
    assert "not a picture" in str(caught.value)
    paint(root / "a" / "1.jpg", 0)
    assert cache.load(root).paths == ("a/1.jpg",)


# ---- stopped in the middle, and at the same time ----------------------------------------------

SLOW_LOAD = """
import hashlib, sys, time
from simpsons.pixels import images
from simpsons.dataset import cache
from simpsons.pixels import memory_map

real, count = images.load_file, 0

def load_file(source, **way):
    global count
    count += 1
    print("decoding", flush=True)
    time.sleep(float(sys.argv[2]) if count < 3 else float(sys.argv[3]))
    return real(source, **way)

images.load_file = load_file
print("ready", flush=True)
sys.stdin.readline()
dataset = cache.load(sys.argv[1])
print("done", count, hashlib.sha256(dataset.images.tobytes()).hexdigest(), *dataset.paths)
"""


def start_slow_load(root: Path, seconds: float, then: float) -> subprocess.Popen[str]:
    """Another process, about to load `root` when it is sent a line.

    Two pictures take `seconds`, and the others `then`.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW_LOAD, str(root), str(seconds), str(then)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGKILL")
def test_killed_in_the_middle_leaves_nothing_that_is_read(pictures):
    with start_slow_load(pictures, 0, 600) as process:
        process.stdin.write("\n")
        process.stdin.flush()
        for _ in range(3):
            assert process.stdout.readline() == "decoding\n"
        half_made = entries()
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    assert [Path(name).suffix for name in half_made] == [".partial"]
    assert_right(cache.load(pictures), pictures, 8)
    assert entries() == [half_made[0].removesuffix(".partial")]


def test_stopped_by_the_user_leaves_nothing_that_is_read(pictures):
    def stop(items, *_):
        yield next(iter(items))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.load(pictures, track=stop)
    assert_right(cache.load(pictures), pictures, 8)
    assert len(entries()) == 1


def test_two_processes_at_once_end_with_the_same_and_decode_once(pictures):
    processes = [start_slow_load(pictures, 0.05, 0.05) for _ in range(2)]
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    lines = [process.communicate(timeout=60)[0].splitlines()[-1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    results = [line.split() for line in lines]
    assert sorted(int(result[1]) for result in results) == [0, 8]
    paths = [picture.path for picture in find(pictures).pictures]
    right = np.stack([images.load(pictures / path) for path in paths]).tobytes()
    for result in results:
        assert result[2] == hashlib.sha256(right).hexdigest()
        assert result[3:] == paths
    assert len(entries()) == 1


@pytest.mark.parametrize("room", [0, 50_000])  # bytes; 8 pictures need 98,432
def test_a_full_disk_is_said_and_leaves_nothing(pictures, room):
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        with pytest.raises(DataError, match=r"File too large\); make room, or set SIMPSONS_CACHE"):
            cache.load(pictures)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert entries() == []


def test_a_cache_that_can_not_be_written_is_named(pictures, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SIMPSONS_CACHE", str(tmp_path / "file"))
    with pytest.raises(DataError, match="file: decoded pictures can't be kept there"):
        cache.load(pictures)


def test_pictures_in_memory_are_the_mapped_ones_and_may_be_changed(pictures):
    dataset = cache.load(pictures)
    copied = dataset.in_memory()
    np.testing.assert_array_equal(copied, dataset.images)
    copied[:] = 0
    assert dataset.images.any()


@pytest.mark.skipif(os.name == "nt", reason="Windows removes no file that is mapped")
def test_pictures_of_a_cache_that_was_removed_are_still_there(pictures, tmp_path):
    dataset = cache.load(pictures)
    expected = np.array(dataset.images)
    shutil.rmtree(tmp_path / "cache")
    np.testing.assert_array_equal(dataset.in_memory(), expected)


@pytest.mark.skipif(os.name == "nt", reason="Windows removes no file that is mapped")
def test_pictures_in_memory_have_their_labels_though_the_entry_was_made_anew(pictures, monkeypatch):
    load_file, unread = images.load_file, pictures / "cat" / "1.jpg"

    def away(file, **way):
        if file.name == str(unread):
            raise images.UnreadableError(f"{unread}: the drive is away")
        return load_file(file, **way)

    monkeypatch.setattr(images, "load_file", away)
    dataset = cache.load(pictures)
    expected = np.array(dataset.images)
    monkeypatch.setattr(images, "load_file", load_file)
    assert len(cache.load(pictures)) == len(dataset) + 1
    np.testing.assert_array_equal(dataset.in_memory(), expected)


@pytest.mark.parametrize("is_map", [False, True])
@pytest.mark.parametrize(
    "part", [slice(None), slice(2, 7), slice(0, 0), slice(None, None, -1), [3, 1]]
)
def test_a_part_of_the_pictures_in_memory_is_that_part(pictures, is_map, part, monkeypatch):
    monkeypatch.setattr(cache, "_BLOCK", 3)
    dataset = cache.load(pictures)
    expected = np.array(dataset.images)[part]
    images_ = dataset.images[part] if is_map else expected
    np.testing.assert_array_equal(replace(dataset, images=images_).in_memory(), expected)


def test_while_they_are_copied_little_of_the_map_is_in_memory(
    pictures, monkeypatch, tmp_path, mapped
):
    path = tmp_path / "images.npy"
    np.save(path, np.ones((2000, images.SIZE, images.SIZE, 3), np.uint8))
    dataset = replace(cache.load(pictures), images=np.load(path, mmap_mode="r"))
    monkeypatch.setattr(cache, "_BLOCK", 256)
    during, release = [], memory_map.release

    def watched(pixels):
        during.append(mapped(path))
        release(pixels)

    monkeypatch.setattr(memory_map, "release", watched)
    assert dataset.in_memory().all()
    assert 0 < max(*during, mapped(path)) < path.stat().st_size / 2
