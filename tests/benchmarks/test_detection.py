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


def test_minor_characters_are_learnt_from_or_held_out(tmp_path, monkeypatch):
    listed = tmp_path / "held_out.txt"
    listed.write_text("b/2.jpg\nb/3.jpg\n")
    monkeypatch.setattr(strangers, "MINOR_HELD_OUT", listed)
    for name in ("a/1.jpg", "b/1.jpg", "b/2.jpg", "b/3.jpg"):
        path = tmp_path / "minor" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    learnt, held_out = strangers.minor_files(tmp_path / "minor")
    assert [f"{path.parent.name}/{path.name}" for path in learnt] == ["a/1.jpg", "b/1.jpg"]
    assert [f"{path.parent.name}/{path.name}" for path in held_out] == ["b/2.jpg", "b/3.jpg"]
