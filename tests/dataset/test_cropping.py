import numpy as np
import pytest
from PIL import Image

from simpsons.dataset import boxes, cropping
from simpsons.dataset.boxes import Box
from simpsons.errors import DataError, SimpsonsError
from simpsons.pixels import images
from simpsons.pixels.face_crops import square


@pytest.fixture
def folder(tmp_path):
    """Two pictures of noise, in folders that share a name."""
    rng = np.random.default_rng(0)
    for name in ("a/1.png", "b/1.png"):
        path = tmp_path / "pictures" / name
        path.parent.mkdir(parents=True)
        pixels = rng.integers(0, 255, (15, 20, 3), np.uint8).repeat(8, 0).repeat(8, 1)
        Image.fromarray(pixels).save(path)
    return tmp_path / "pictures"


def crop(folder, rows, **settings):
    listing = folder.parent / "faces.csv"
    lines = ["path,x1,y1,x2,y2,name,ignored", *rows]
    listing.write_text("\n".join([*lines, ""]), encoding="utf-8")
    out = folder.parent / "out"
    return cropping.crop(folder, boxes.read(listing, folder), out, **settings)


def test_each_face_is_in_the_folder_of_its_name(folder):
    made = crop(
        folder,
        [
            "a/1.png,40,40,60,70,Maggie,0",
            "a/1.png,80,40,100,70,unknown,0",
            "b/1.png,40,40,60,70,Dr. Nick?,0",
            "b/1.png,90,40,99,50,Maggie,1",
        ],
    )
    assert made.crops == {"Dr. Nick?": 1, "Maggie": 1, "unknown": 1}
    assert made.ignored == 1
    assert made.problems == ()
    out = folder.parent / "out"
    files = sorted(path.relative_to(out).as_posix() for path in out.rglob("*.jpg"))
    assert len(files) == 3
    assert files[0].startswith("Dr. Nick_-")
    assert files[0].endswith("/b_1_f0.jpg")
    assert files[1:] == ["Maggie/a_1_f0.jpg", "unknown/a_1_f1.jpg"]
    pixels = images.decode(folder / "a/1.png")
    expected = images.crop_around(pixels, (40, 40, 60, 70))
    assert np.abs(expected.astype(int) - images.load(out / files[1])).mean() < 16


@pytest.mark.parametrize("margin", [0, 0.05, 0.45, 1, 10])
def test_the_margin_is_the_room_on_each_side(margin):
    pixels = np.zeros((2000, 2000, 3), np.uint8)
    pixels[1000:1040, 1000:1030] = 255
    cut = square(pixels, (1000, 1000, 1030, 1040), 1 + 2 * margin)
    side = min(2000, 40 * (1 + 2 * margin))
    assert cut.shape[:2] == pytest.approx((side, side), abs=1)
    assert (cut == 255).all(axis=2).sum() == pytest.approx(30 * 40, rel=0.05)


def test_the_default_margin_is_what_networks_see():
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 255, (30, 40, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    for box in ((100, 100, 140, 150), (0, 0, 30, 20), (300, 200, 320, 240)):
        left, top, right, bottom = images.square_around(320, 240, box)
        cut = square(pixels, box, 1 + 2 * cropping.MARGIN)
        expected = pixels[round(top) : round(bottom), round(left) : round(right)]
        assert np.abs(np.subtract(cut.shape, expected.shape)).max() <= 1
        assert abs(int(cut[5, 5].sum()) - int(expected[5, 5].sum())) < 1


def test_bad_rows_and_pictures_are_reported(folder):
    (folder / "b" / "1.png").write_bytes((folder / "b" / "1.png").read_bytes()[:90])
    made = crop(
        folder,
        [
            "a/1.png,40,40,60,70,Maggie,0",
            "a/1.png,60,40,40,70,Maggie,0",
            "b/1.png,40,40,60,70,Maggie,0",
            "c/1.png,40,40,60,70,Maggie,0",
        ],
    )
    assert made.crops == {"Maggie": 1}
    assert len(made.problems) == 3
    assert any("is no box" in problem.reason for problem in made.problems)


def test_no_face_at_all_is_said_and_nothing_is_left(folder):
    with pytest.raises(DataError, match="has no face that can be cut out"):
        crop(folder, ["a/1.png,40,40,60,70,Maggie,1"])
    assert {path.name for path in folder.parent.iterdir()} == {"pictures", "faces.csv"}


def test_a_folder_with_something_in_it_is_refused(folder):
    (folder.parent / "out").mkdir()
    (folder.parent / "out" / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(SimpsonsError, match="is not empty"):
        crop(folder, ["a/1.png,40,40,60,70,Maggie,0"])


def test_a_margin_that_can_not_be_is_refused(folder):
    listed = boxes.Boxes(
        folder, "CSV", {"a/1.png": (Box("a/1.png", 1, 1, 9, 9, "x"),)}, frozenset(), ()
    )
    for margin in (-0.1, 11, float("nan")):
        with pytest.raises(DataError, match="give 0 to 10"):
            cropping.crop(folder, listed, folder.parent / "out", margin)
