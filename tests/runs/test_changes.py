"""A run says what has changed in its pictures since it began."""

import json
import os
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from simpsons.dataset.folders import DataError
from simpsons.errors import SimpsonsError
from simpsons.run_files import CONFIG, SPLIT
from simpsons.runs import changes, run
from simpsons.training import recipe
from simpsons.training.observer import Silent

SHORT = replace(recipe.NOTEBOOK, epochs=2, batch=8)
CLASSES = ("cat", "dog", "owl")
OTHER = "The result will not be that of a run that was not stopped"


def paint(path, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), np.uint8)
    Image.fromarray(pixels).save(path)


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """A run folder of a training that has made no step, and its pictures."""
    data = tmp_path_factory.mktemp("data") / "noise"
    for number, name in enumerate(CLASSES):
        for picture in range(12):
            paint(data / name / f"{picture:02}.png", 100 * number + picture)
    folder = tmp_path_factory.mktemp("runs") / "begun"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "_train", lambda *_: None)
        run.start(folder, data, "cnn", SHORT, device="cpu", observer=Silent())
    return folder, data


@pytest.fixture
def moved(begun, tmp_path):
    """A copy of both, to be changed."""
    folder, data = tmp_path / "run", tmp_path / "data"
    shutil.copytree(begun[0], folder)
    shutil.copytree(begun[1], data)
    values = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps(values | {"data": str(data)}))
    return folder, data


@pytest.fixture
def resumed(moved, monkeypatch):
    """A function that goes on with the run, without a step, and returns what was told."""
    monkeypatch.setattr(run, "_train", lambda *_: None)

    def resume():
        told = []
        run.resume(moved[0], observer=Silent(), tell=told.append)
        return told

    return resume


def test_of_what_is_as_it_was_nothing_is_said(moved, resumed):
    assert resumed() == []
    for file in moved[1].rglob("*.png"):
        os.utime(file, (1, 1))
    assert resumed() == []


def test_deleted_pictures_are_said(moved, resumed):
    for number in (3, 5):
        (moved[1] / "dog" / f"{number:02}.png").unlink()
    assert resumed() == ["2 pictures of the run are gone, the first: dog/03.png", OTHER]


def test_a_class_that_was_replaced_is_said(moved, resumed):
    for number in range(12):
        paint(moved[1] / "owl" / f"{number:02}.png", 1000 + number)
    told = "12 pictures of the run are replaced, all of owl; the first: owl/00.png"
    assert resumed() == [told, OTHER]


def test_a_class_of_other_files_is_said(moved, resumed):
    for number in range(12):
        file = moved[1] / "owl" / f"{number:02}.png"
        if number:
            file.unlink()
        paint(file.with_name(f"new_{number}.png"), 1000 + number)
    assert resumed() == [
        "11 pictures of the run are gone, the first: owl/01.png",
        "12 pictures came after the run began and are in no part",
        OTHER,
    ]


def test_a_file_that_can_not_be_read_any_more_is_said_with_the_reason(moved, resumed):
    (moved[1] / "cat" / "01.png").write_bytes(b"no picture")
    (moved[1] / "cat" / "02.png").write_bytes(b"")
    unread, other = resumed()
    assert unread.startswith("2 pictures of the run can't be read; the first: cat/01.png: ")
    assert "not a picture" in unread
    assert other == OTHER


def test_a_class_that_is_gone_ends_it(moved, resumed):
    shutil.rmtree(moved[1] / "owl")
    with pytest.raises(DataError, match=r"no pictures of owl"):
        resumed()


def test_nothing_left_to_validate_with_ends_it(moved, resumed):
    lines = (moved[0] / SPLIT).read_text().splitlines()
    for line in lines:
        if ",validation," in line:
            (moved[1] / line.split(",")[0]).unlink()
    with pytest.raises(DataError, match=r"has no validation pictures .* put its pictures back"):
        resumed()


def test_a_run_of_an_earlier_version_has_no_checksums(moved, resumed):
    lines = (moved[0] / SPLIT).read_text().splitlines()
    assert lines[0] == "path,character,group,split,checksum"
    (moved[0] / SPLIT).write_text("".join(f"{line.rpartition(',')[0]}\n" for line in lines))
    values = json.loads((moved[0] / CONFIG).read_text())
    assert values.pop("listed") == 36
    (moved[0] / CONFIG).write_text(json.dumps(values))
    paint(moved[1] / "owl" / "03.png", 1000)
    assert resumed() == []
    (moved[1] / "owl" / "03.png").unlink()
    assert resumed() == ["1 picture of the run is gone, the first: owl/03.png", OTHER]


def test_a_split_that_was_cut_off_is_refused(moved, resumed):
    lines = (moved[0] / SPLIT).read_text().splitlines(keepends=True)
    (moved[0] / SPLIT).write_text("".join(lines[:20]))
    with pytest.raises(SimpsonsError, match=r"split\.csv: lists 19 pictures .* with 36; put it"):
        resumed()


def test_group_numbers_that_no_run_writes_are_refused(moved, resumed):
    text = (moved[0] / SPLIT).read_text()
    (moved[0] / SPLIT).write_text(text.replace(",0,", f",{10**30},"))
    with pytest.raises(DataError, match=r"split\.csv: is not a split"):
        resumed()


def test_a_list_of_exclusions_that_is_gone_ends_it(moved, resumed):
    values = json.loads((moved[0] / CONFIG).read_text())
    (moved[0] / CONFIG).write_text(json.dumps(values | {"relabelled": 1}))
    with pytest.raises(SimpsonsError, match=r"exclude\.csv: is missing; put it back"):
        resumed()


def test_a_training_that_begins_says_what_it_can_not_read(begun, tmp_path, monkeypatch):
    shutil.copytree(begun[1], tmp_path / "data")
    (tmp_path / "data" / "cat" / "07.png").write_bytes(b"no picture")
    (tmp_path / "data" / "cat" / "notes.txt").write_text("no picture at all")
    told = []
    monkeypatch.setattr(run, "_train", lambda *_: None)
    run.start(
        tmp_path / "run",
        tmp_path / "data",
        "cnn",
        SHORT,
        device="cpu",
        observer=Silent(),
        tell=told.append,
    )
    [one] = told
    assert one.startswith("1 picture can't be read; the first: cat/07.png: ")


def test_what_is_learnt_of_a_picture_is_its_checksum(begun, monkeypatch):
    _, dataset, _ = run.load(begun[0])
    first = changes.checksums(dataset)
    assert len(first) == len(set(first.values())) == 36
    monkeypatch.setattr(changes, "_BLOCK", 5)
    assert changes.checksums(dataset) == first
    other = changes.checksums(replace(dataset, labels=np.roll(dataset.labels, 1)))
    assert sum(first[path] != other[path] for path in first) == len(CLASSES)
