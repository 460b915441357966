"""Faces are cut out as a detector crops them, and stay in the part of their picture."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from simpsons.dataset import boxes, cache, crops
from simpsons.dataset import split as splits
from simpsons.dataset.boxes import Box
from simpsons.dataset.folders import DataError, Problem
from simpsons.pixels import images


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    """A cache that is empty when a test begins."""
    monkeypatch.setenv("SIMPSONS_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path, paint):
    """Three pictures with three, one and no faces."""
    root = tmp_path / "pictures"
    paint(root / "a.png", 0, (120, 90))
    paint(root / "b.jpg", 1, (100, 160))
    paint(root / "c.png", 2, (64, 64))
    return root


FACES = {
    "a.png": (
        Box("a.png", 10, 10, 40, 50, "ned"),
        Box("a.png", 60, 20, 90, 50, "unknown"),
        Box("a.png", 70, 50, 100, 85, "moe"),
    ),
    "b.jpg": (Box("b.jpg", 5, 5, 30, 40, "moe"),),
    "c.png": (),
}


def boxed(folder, faces=FACES, name="faces.csv"):
    """The boxes, written to a file beside the folder and read."""
    file = folder.parent / name
    boxes.write(file, faces)
    return boxes.read(file, folder)


def test_each_box_is_what_a_detector_would_name_the_face_by(folder):
    dataset = crops.load(folder, boxed(folder))
    assert dataset.classes == ("moe", "ned")
    assert dataset.labels.tolist() == [1, -1, 0, 0]
    assert dataset.paths == ("a.png", "a.png", "a.png", "b.jpg")
    assert dataset.sizes.tolist() == [[120, 90]] * 3 + [[100, 160]]
    every = [box for found in FACES.values() for box in found]
    for box, pixels in zip(every, dataset.images, strict=True):
        expected = images.crop_around(images.decode(folder / box.path), box.corners)
        assert np.array_equal(pixels, expected)
    assert dataset.wholes.row.tolist() == [0, 0, 0, 1]
    assert np.array_equal(dataset.wholes.images[1], images.load(folder / "b.jpg"))


def test_names_that_are_no_class_are_strangers(folder):
    dataset = crops.load(folder, boxed(folder), ("bart", "moe"))
    assert dataset.labels.tolist() == [-1, -1, 1, 1]
    every = np.arange(4)
    assert dataset.known(every).tolist() == [2, 3]
    assert dataset.strangers(every).tolist() == [0, 1]


def test_a_second_time_nothing_is_decoded(folder, monkeypatch):
    found = boxed(folder)
    first = crops.load(folder, found)
    monkeypatch.setattr(images, "decode", lambda _: pytest.fail("decoded again"))
    second = crops.load(folder, found)
    assert np.array_equal(first.images, second.images)
    assert first.paths == second.paths


def test_another_box_picture_or_context_is_cut_out_anew(folder, paint, monkeypatch):
    before = crops.load(folder, boxed(folder)).images[3].copy()
    moved = {**FACES, "b.jpg": (Box("b.jpg", 55, 5, 80, 40, "moe"),)}
    after = crops.load(folder, boxed(folder, moved)).images[3].copy()
    assert not np.array_equal(before, after)
    paint(folder / "b.jpg", 7, (100, 160))
    repainted = crops.load(folder, boxed(folder, moved)).images[3].copy()
    assert not np.array_equal(after, repainted)
    monkeypatch.setattr(images, "CONTEXT", 1.2)
    assert not np.array_equal(crops.load(folder, boxed(folder, moved)).images[3], repainted)


@pytest.mark.parametrize("file", ["index.json", "faces", "wholes"])
def test_a_damaged_entry_is_made_anew(folder, file):
    found = boxed(folder)
    whole = crops.load(folder, found).images.copy()
    [entry] = [path for path in (cache.cache_folder() / "crops").iterdir() if path.is_dir()]
    (entry / file).write_bytes((entry / file).read_bytes()[:20])
    assert np.array_equal(crops.load(folder, found).images, whole)


def test_what_can_not_be_used_is_told(folder):
    whole = (folder / "b.jpg").read_bytes()
    (folder / "b.jpg").write_bytes(whole[: len(whole) // 2])
    file = folder.parent / "faces.csv"
    boxes.write(file, FACES)
    file.write_text(file.read_text() + "c.png,30,30,20,40,moe\nlost.png,1,1,9,9,ned\n")
    dataset = crops.load(folder, boxes.read(file, folder))
    assert dataset.paths == ("a.png",) * 3
    reasons = {problem.path.split(", ")[-1]: problem.reason for problem in dataset.problems}
    assert "is no box" in reasons["row 7"]
    assert "lost.png" in reasons["row 8"]
    assert "b.jpg" in reasons


def test_a_picture_that_went_missing_is_told_and_looked_for_again(folder):
    found = boxed(folder)
    kept = (folder / "b.jpg").read_bytes()
    (folder / "b.jpg").unlink()
    dataset = crops.load(folder, found)
    assert dataset.paths == ("a.png",) * 3
    assert dataset.problems == (Problem("b.jpg", "no such file; check the path"),)
    (folder / "b.jpg").write_bytes(kept)
    assert len(crops.load(folder, found)) == 4


def test_a_picture_that_the_memory_does_not_suffice_for_is_told(folder, monkeypatch):
    """In decoding it, or in what is made of it."""
    real, calls = images.fit, []

    def fails_once(pixels):
        calls.append(pixels)
        if len(calls) == 1:
            raise MemoryError
        return real(pixels)

    monkeypatch.setattr(images, "fit", fails_once)
    loaded = crops.load(folder, boxed(folder))
    [problem] = [one for one in loaded.problems if "memory" in one.reason]
    assert problem.reason.startswith("the memory does not suffice to decode it")
    assert problem.path not in loaded.paths
    assert len(set(loaded.paths)) == len(calls) - 1 > 0


def test_without_any_face_it_says_so(folder):
    with pytest.raises(DataError, match="no face to learn from"):
        crops.load(folder, boxed(folder, {"c.png": ()}))
    for path in folder.iterdir():
        path.write_bytes(b"\xff\xd8 no picture")
    found = replace(boxed_unchecked(folder), bad=())
    with pytest.raises(DataError, match="none of the 2 pictures with boxes can be read"):
        crops.load(folder, found)


def boxed_unchecked(folder):
    """The boxes, read without a look at the pictures."""
    file = folder.parent / "faces.csv"
    boxes.write(file, FACES)
    return boxes.read(file)


# ---- whole pictures and faces together -----------------------------------------------------


@pytest.fixture
def shots(tmp_path):
    """Twelve shots of two frames each, `<class>/<shot>_<frame>.png`, and a face in each half."""
    rng = np.random.default_rng(0)
    root, faces = tmp_path / "shots", {}
    for shot in range(12):
        pixels = rng.integers(0, 256, (6, 8, 3), np.uint8)
        for frame in range(2):
            path = f"{'cat' if shot % 2 else 'dog'}/{shot}_{frame}.png"
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).resize((96, 72), Image.Resampling.BICUBIC).save(root / path)
            name = path.split("/")[0]
            faces[path] = (Box(path, 4, 4, 30, 40, name), Box(path, 50, 9, 80, 40, "unknown"))
    return root, boxed(root, faces)


def test_frames_of_a_shot_and_their_faces_are_in_one_part(shots, tmp_path):
    root, found = shots
    whole = cache.load(root)
    both = crops.joined(whole, crops.load(root, found, whole.classes))
    assert len(both) == 24 + 48
    assert np.array_equal(both.in_memory()[:24], whole.in_memory())
    assert len(both.wholes.images) == 24
    split = splits.make(both)
    parts = {}
    for path, part in zip(both.paths, split.part, strict=True):
        parts.setdefault(path.split("/")[1].split("_")[0], set()).add(part)
    assert all(len(part) == 1 for part in parts.values())
    assert len(split.rows("validation"))
    splits.write(tmp_path / "split.csv", both, split)
    assert len((tmp_path / "split.csv").read_text().splitlines()) == 1 + 24
    assert splits.read(tmp_path / "split.csv", both).part.tolist() == split.part.tolist()


@pytest.mark.parametrize("kind", ["leak-free", "random"])
def test_faces_alone_are_split_by_their_pictures(shots, kind, tmp_path):
    root, found = shots
    faces = crops.load(root, found)
    split = splits.make(faces, kind)
    of_picture = {}
    for path, part in zip(faces.paths, split.part, strict=True):
        of_picture.setdefault(path, set()).add(part)
    assert all(len(part) == 1 for part in of_picture.values())
    splits.write(tmp_path / "split.csv", faces, split)
    assert splits.read(tmp_path / "split.csv", faces).part.tolist() == split.part.tolist()


def test_pictures_of_two_folders_are_never_taken_for_one_another(folder, tmp_path, paint):
    other = tmp_path / "others"
    paint(other / "a.png", 5, (90, 90))
    strangers = {"a.png": (Box("a.png", 5, 5, 40, 40, "dexter"),)}
    ours = crops.load(folder, boxed(folder))
    theirs = crops.load(other, boxed(other, strangers, "others.csv"), ours.classes)
    both = crops.joined(ours, theirs)
    assert both.labels.tolist() == [1, -1, 0, 0, -1]
    assert both.wholes.row.tolist() == [0, 0, 0, 1, 2]


def test_other_classes_can_not_be_joined(folder):
    found = boxed(folder)
    with pytest.raises(DataError, match="has the classes"):
        crops.joined(crops.load(folder, found), crops.load(folder, found, ("bart",)))
