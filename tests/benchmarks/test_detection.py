from PIL import Image

from benchmarks import detection, strangers


def test_evenly_takes_the_same_distance_apart():
    assert detection.evenly(range(10), 5) == [0, 2, 4, 6, 8]
    assert list(detection.evenly(range(3), 5)) == [0, 1, 2]
    assert list(detection.evenly(range(3), None)) == [0, 1, 2]


def test_pictures_are_of_one_size_and_as_many_as_wanted(tmp_path):
    paths = [str(tmp_path / f"{number}.png") for number in range(2)]
    for path in paths:
        Image.new("RGB", (60, 50), "red").save(path)
    detection.write_pictures(paths, tmp_path / "made", 3)
    made = sorted((tmp_path / "made").glob("*/*.jpg"))
    assert len(made) == 3
    assert {Image.open(path).size for path in made} == {detection.PICTURE}


def test_halves_of_strangers_share_no_character(tmp_path):
    for name in "abcd":
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.jpg").touch()
    first, last = strangers.minor_files(tmp_path)
    assert [path.parent.name for path in first] == ["a", "b"]
    assert [path.parent.name for path in last] == ["c", "d"]
