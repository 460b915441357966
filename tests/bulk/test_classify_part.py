import numpy as np
import pyarrow
import pytest

from simpsons.bulk import classify_part, detect_part, tasks
from simpsons.classifier import Classifier
from simpsons.detector import Detector

from .conftest import QUICK


@pytest.fixture(scope="module")
def folder(tmp_path_factory, jpegs):
    folder = tmp_path_factory.mktemp("part")
    for number, data in enumerate(jpegs):
        (folder / f"{number:02d}.jpg").write_bytes(data)
    (folder / "bad.jpg").write_text("no picture")
    return folder


def test_says_what_the_classifier_says(folder):
    paths = sorted(map(str, folder.glob("*.jpg")))
    classifier = Classifier("cnn-int8", threads=1)

    rows = classify_part(paths, classifier, top=2, limits=QUICK).to_pylist()

    *good, bad = rows
    for number, (row, path) in enumerate(zip(good, paths, strict=False)):
        said = classifier.predict(path, top=2)
        assert (row["row"], row["path"]) == (number, path)
        assert (row["label"], row["verdict"], row["error_kind"]) == (said.label, said.verdict, None)
        assert row["probability"] == pytest.approx(said.probability, abs=1e-5)
        assert row["familiarity"] == pytest.approx(said.familiarity, rel=1e-4)
        assert [one["label"] for one in row["top"]] == [label for label, _ in said.top]
    assert (bad["label"], bad["top"], bad["error_kind"]) == (None, None, "damaged")
    assert "bad.jpg" in bad["error"]


def test_a_row_does_not_depend_on_its_neighbours(folder):
    """So that a picture which is read only at a second try leaves the others as they were."""
    paths = [str(folder / f"{number:02d}.jpg") for number in range(8)]
    all_there = classify_part(paths, "cnn-int8", limits=QUICK).to_pylist()

    paths[3] = str(folder / "bad.jpg")
    one_bad = classify_part(paths, "cnn-int8", limits=QUICK).to_pylist()

    assert one_bad[:3] == all_there[:3]
    assert one_bad[4:] == all_there[4:]


@pytest.mark.parametrize("column", [pyarrow.array, lambda paths: pyarrow.table({"a": paths})["a"]])
def test_takes_a_column(folder, column):
    paths = [str(folder / "00.jpg"), str(folder / "01.jpg")]

    assert classify_part(column(paths), "cnn-int8").column("path").to_pylist() == paths


def test_nothing_gives_a_table_without_rows():
    assert classify_part([], "cnn-int8").schema == tasks.CLASSIFIED


def test_a_row_a_face(folder, tmp_path, spots, spot_names):
    """Two red spots, none, and what is no picture."""
    from PIL import Image

    two = np.full((160, 320, 3), 255, np.uint8)
    two[40:60, 40:60] = two[90:120, 200:230] = (255, 0, 255)
    Image.fromarray(two).save(tmp_path / "two.png")
    Image.new("RGB", (320, 160), "white").save(tmp_path / "none.png")
    detector = Detector(spots, spot_names, threads=1)
    paths = [tmp_path / "two.png", tmp_path / "none.png", folder / "bad.jpg"]

    rows = detect_part(paths, detector, limits=QUICK).to_pylist()

    said = detector.detect(tmp_path / "two.png").faces
    assert [(row["row"], row["faces"], row["face"]) for row in rows] == [
        *((0, len(said), number) for number in range(len(said))),
        (1, 0, None),
        (2, None, None),
    ]
    for row, face in zip(rows, said, strict=False):
        assert [row[edge] for edge in ("x1", "y1", "x2", "y2")] == pytest.approx(face.box, abs=0.01)
        assert (row["verdict"], row["error_kind"]) == (face.verdict, None)
    assert rows[-1]["error_kind"] == "damaged"
