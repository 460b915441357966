import numpy as np
import pytest
from PIL import Image

from benchmarks import frames, scenes
from simpsons.dataset import boxes
from simpsons.dataset.boxes import Box
from simpsons.dataset.folders import DataError

COLOURS = ((250, 0, 0), (0, 250, 0), (0, 0, 250), (250, 250, 0))
SIZES = ((300, 224), (224, 224), (160, 240), (398, 224))


@pytest.fixture
def pictures():
    return [Image.new("RGB", size, colour) for size, colour in zip(SIZES, COLOURS, strict=True)]


@pytest.mark.parametrize("seed", range(6))
def test_nothing_of_a_picture_is_cut_or_covered(pictures, seed):
    count = 2 + seed % 3
    scene = np.asarray(scenes.arranged(pictures[:count], np.random.default_rng(seed)))
    for (width, height), colour in zip(SIZES[:count], COLOURS, strict=False):
        y, x = np.nonzero((scene == colour).all(axis=2))
        wide, high = np.ptp(x) + 1, np.ptp(y) + 1
        assert len(y) == wide * high
        assert wide / high == pytest.approx(width / height, rel=0.03)
        assert high >= 0.4 * scenes.HEIGHT


def test_scenes_are_repeatable_and_show_two_to_four_different_characters(tmp_path, pictures):
    by_name = {}
    for name, picture in zip("abcd", pictures, strict=True):
        picture.save(tmp_path / f"{name}.png")
        by_name[name] = [scenes.Source(tmp_path / f"{name}.png", frozenset({name, "z"}))]
    one, again = (list(scenes.scenes(by_name, 12, seed=1)) for _ in range(2))
    assert [scene.tobytes() for scene, _ in one] == [scene.tobytes() for scene, _ in again]
    counts = {len(names - {"z"}) for _, names in one}
    assert counts == {2, 3, 4}
    assert all("z" in names for _, names in one)


def test_precision_recall_and_f1_of_names():
    names = scenes.Names()
    names.add({"a", "b"}, frozenset({"a"}))
    names.add(set(), frozenset({"a", "c"}))
    assert names.precision == 1 / 2
    assert names.recall == 1 / 3
    assert names.f1 == pytest.approx(2 / 5)
    assert names.wrong == {"b": 1}


def test_what_the_eye_corrected_is_corrected(tmp_path):
    known = Box("bart_simpson/pic_0501.jpg", 0.5, 42.5, 33.7, 93.3, "unknown")
    other = known._replace(x1=50.0, x2=80.0)
    boxes.write(tmp_path / frames.COMPLETE, {known.path: [known, other]})
    [found] = frames.complete(tmp_path, "test").values()
    assert [box.name for box in found] == ["milhouse_van_houten", "unknown"]
    assert frames.named(found) == {"milhouse_van_houten"}
    assert not frames.complete(tmp_path, "validation")
    wrong = known._replace(path="abraham_grampa_simpson/pic_0000.jpg")
    right = known._replace(path="abraham_grampa_simpson/pic_0011.jpg")
    boxes.write(tmp_path / frames.ONE_BOX, {wrong.path: [wrong], right.path: [right]})
    assert frames.one_box(tmp_path, "test") == {right.path: right}


def test_missing_frames_are_told(tmp_path):
    with pytest.raises(DataError, match=r"has no faces\.csv"):
        frames.folder(tmp_path / "simpsons")
