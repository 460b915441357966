"""`simpsons.data` from Python: the figures that the commands print."""

import csv

import pytest

import simpsons
from simpsons import DataError, SimpsonsError, data


def test_statistics_count_what_is_there(drawings, tmp_path):
    found = data.stats(drawings, picture=tmp_path / "counts.png")
    assert found.pictures == 72
    assert set(found.characters.values()) == {4}
    assert found.sizes["width"]["largest"] <= 80
    assert (tmp_path / "counts.png").stat().st_size > 0


def test_a_split_is_written_with_its_groups(many_drawings, tmp_path):
    found = data.split(many_drawings, out=tmp_path / "split.csv")
    with found.out.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert sum(found.parts.values()) == len(rows) == 216
    assert found.kind == "leak-free"
    assert set(found.leaks.values()) == {0}


def test_an_audit_and_a_list_to_clean_by(drawings, tmp_path):
    found = data.audit(drawings, report=tmp_path / "audit.html")
    assert found.counts()["pictures"] == 72
    assert "<html" in (tmp_path / "audit.html").read_text("utf-8")
    cleaned = data.clean(drawings, out=tmp_path / "exclude.csv")
    assert cleaned.out.is_file()
    with pytest.raises(SimpsonsError, match="already exists"):
        data.clean(drawings, out=tmp_path / "exclude.csv")


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(DataError, match="nowhere"):
        data.stats(tmp_path / "nowhere")


def test_what_does_not_go_with_boxes_is_said(drawings):
    with pytest.raises(SimpsonsError, match="--label-errors does not go with --boxes"):
        data.audit(drawings, boxes="faces.csv", label_errors=True)
    with pytest.raises(SimpsonsError, match="--picture does not go with --boxes"):
        simpsons.evaluate(drawings, boxes="faces.csv", picture="confusion.png")


def test_a_split_of_a_page_is_said(tmp_path):
    with pytest.raises(SimpsonsError, match="--split is of an ONNX file"):
        simpsons.export(web=tmp_path / "page", split="random")
