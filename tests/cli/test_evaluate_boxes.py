"""`simpsons evaluate --boxes`, with a detector that is told what to find."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from simpsons import Detection, Face, Prediction
from simpsons.dataset import split as splits
from simpsons.evaluation import on_boxes

HEADER = "path,x1,y1,x2,y2,name"
ROWS = (
    "bart_simpson/1.png,10,10,30,30,bart_simpson",
    "bart_simpson/1.png,50,10,70,30,unknown",
    "bart_simpson/2.png,10,10,30,30,bart_simpson",
    "moe_szyslak/1.png,9,9,1,1,moe_szyslak",
)


class EverythingIsBart:
    """Finds one face in each picture, at the same place. arguments: what it was made with."""

    arguments = None

    def __init__(self, faces, names, minimum):
        EverythingIsBart.arguments = (faces, names)
        self.minimum, self.path = minimum, Path("faces.onnx")
        self.metadata = {"threshold": 0.5, "split": {"kind": "shipped"}}
        self.names = self
        self.labels = ("bart_simpson", "moe_szyslak")

    def detect_all(self, sources, top):
        said = Prediction(None, (("bart_simpson", 0.9),))
        for source in sources:
            yield Detection(str(source), (Face((10, 10, 30, 30), 0.9, said),))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(on_boxes, "Detector", EverythingIsBart)
    rng = np.random.default_rng(0)
    for name in ("bart_simpson/1", "bart_simpson/2", "moe_szyslak/1", "moe_szyslak/2"):
        path = tmp_path / "pictures" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (60, 80, 3), dtype=np.uint8)).save(path)
    (tmp_path / "faces.csv").write_text("\n".join([HEADER, *ROWS]) + "\n")
    return tmp_path / "pictures"


def test_figures_and_notes_are_printed(cli, folder):
    result = cli("evaluate", folder, "--boxes", folder.parent / "faces.csv")
    assert result.exit_code == 0, result.output
    assert EverythingIsBart.arguments == ("faces", "cnn-int8")
    for words in (
        "average precision",
        "precision                100.0% (95 % interval",
        "recall                   66.7%",
        "strangers named          -",
        "Bart Simpson               1.000     1.000     1.000     1.000         2",
        "1 pictures of",
        "1 rows of faces.csv are bad; 1 pictures with one were not measured",
        "faces.csv, row 5: from (9, 9) to (1, 1) is no box",
    ):
        assert words in result.stdout


def test_json_counts_what_was_not_measured(cli, folder):
    boxes = folder.parent / "faces.csv"
    arguments = ("--faces", "other.onnx", "--model", "xception", "--json")
    found = json.loads(cli("evaluate", folder, "--boxes", boxes, *arguments).stdout)
    assert (found["pictures"], found["faces"]) == (2, 3)
    assert found["ap_50"] == pytest.approx(2 / 3, abs=0.01)
    assert found["mean_ap_50"] == pytest.approx(1)
    assert found["recall"]["count"] == 2
    assert found["not_measured"] == {
        "unlisted": 1,
        "incomplete": 1,
        "other_parts": 0,
        "unreadable": 0,
    }
    assert [row["where"] for row in found["bad_rows"]] == ["row 5"]
    assert (found["faces_model"], found["names_model"]) == ("other.onnx", "xception")


def test_a_report_is_written(cli, folder, tmp_path):
    report = tmp_path / "out" / "report.html"
    arguments = ("--boxes", folder.parent / "faces.csv", "--report", report)
    assert cli("evaluate", folder, *arguments).exit_code == 0
    page = report.read_text(encoding="utf-8")
    assert "Missed faces" in page
    assert "row 5" in page
    assert "2 pictures" in page


def test_a_part_of_a_split_by_name(cli, folder, tmp_path):
    split = tmp_path / "split.csv"
    split.write_text(
        "path,split\nbart_simpson/1.png,train\nbart_simpson/2.png,test\nmoe_szyslak/1.png,test\n"
    )
    arguments = ("evaluate", folder, "--boxes", folder.parent / "faces.csv", "--split", split)
    found = json.loads(cli(*arguments, "--part", "test", "--json").stdout)
    assert (found["pictures"], found["not_measured"]["other_parts"]) == (1, 1)
    assert found["split"].endswith("split.csv, test part")
    nothing = cli(*arguments, "--part", "validation")
    assert nothing.exit_code == 2
    assert "none of its 2 pictures is in the validation part" in nothing.stderr
    whole = cli(*arguments)
    assert whole.exit_code == 2
    assert "choose one by --part" in whole.stderr


def test_a_part_of_a_split_that_is_made(cli, folder, monkeypatch):
    def made(dataset, kind, seed, track):
        part = ["test" if path == "bart_simpson/2.png" else "train" for path in dataset.paths]
        return splits.Split(kind, seed, np.array(part))

    monkeypatch.setattr(splits, "make", made)
    arguments = ("--boxes", folder.parent / "faces.csv", "--part", "test", "--seed", 3, "--json")
    found = json.loads(cli("evaluate", folder, *arguments).stdout)
    assert found["pictures"] == 1
    assert found["split"] == "leak-free, seed 3, test part"


def test_pictures_that_the_networks_learnt_from_are_told(cli, folder, monkeypatch):
    monkeypatch.setattr(splits, "parts_of", lambda paths: np.array(["train", "test"]))
    result = cli("evaluate", folder, "--boxes", folder.parent / "faces.csv")
    assert "1 of these 2 pictures are named like pictures that faces learnt from" in result.stdout


def test_a_file_of_one_box_a_picture_is_told(cli, folder):
    boxes = folder.parent / "annotation.txt"
    boxes.write_text("./characters/bart_simpson/1.png,10,10,30,30,bart_simpson\n")
    result = cli("evaluate", folder, "--boxes", boxes)
    assert "annotation.txt has boxes of one character a picture; faces of others" in result.stdout


def test_only_bad_rows_is_an_error(cli, folder):
    boxes = folder.parent / "bad.csv"
    boxes.write_text(f"{HEADER}\n{ROWS[3]}\n")
    result = cli("evaluate", folder, "--boxes", boxes)
    assert result.exit_code == 2
    assert "each of its pictures has a bad row, the first" in result.stderr


def test_options_that_do_not_go_together(cli, folder):
    boxes = ("--boxes", folder.parent / "faces.csv")
    for option in (("--picture", "a.png"), ("--training", "x"), ("--characters", "all")):
        result = cli("evaluate", folder, *boxes, *option)
        assert result.exit_code == 2
        assert f"{option[0]} does not go with --boxes" in result.stderr
    alone = cli("evaluate", folder, "--faces", "faces")
    assert alone.exit_code == 2
    assert "give the file with --boxes" in alone.stderr


def test_a_missing_box_file_and_an_unwritable_report(cli, folder, tmp_path):
    missing = cli("evaluate", folder, "--boxes", tmp_path / "none.csv")
    assert missing.exit_code == 2
    assert "none.csv: no such file" in missing.stderr
    boxes = ("--boxes", folder.parent / "faces.csv")
    unwritable = cli("evaluate", folder, *boxes, "--report", tmp_path)
    assert unwritable.exit_code == 2
    assert "Is a directory" in unwritable.stderr


def test_with_networks_that_run(cli, doll_faces, tmp_path):
    """`doll_faces` takes each picture for one face."""
    for name in ("a", "b"):
        Image.new("RGB", (80, 60), "yellow").save(tmp_path / f"{name}.png")
    file = tmp_path / "faces.csv"
    file.write_text(f"{HEADER}\na.png,0,0,80,60,unknown\nb.png,2,1,80,60,unknown\n")
    given = ("--boxes", file, "--faces", doll_faces)
    found = json.loads(cli("evaluate", tmp_path, *given, "--json").stdout)
    assert found["ap_50_95"] == pytest.approx(1)
    assert found["recall"]["count"] == found["strangers_named"]["of"] == 2
    report = ("--report", tmp_path / "audit.html", "--json")
    assert json.loads(cli("data", "audit", tmp_path, *given, *report).stdout)["findings"] == []
