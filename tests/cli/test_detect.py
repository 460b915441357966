import csv
import errno
import io
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from simpsons import Detector
from simpsons.classifier import model_path

HEAVY = ("torch", "matplotlib", "sklearn", "scipy", "onnx", "h5py", "kagglehub", "fastapi", "av")
HOMER, MARGE, STRANGER = (40, 80, 70, 110), (160, 80, 190, 110), (280, 40, 310, 70)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three faces, those of Homer and Marge Simpson and a stranger's; and a picture of nobody."""
    folder = tmp_path_factory.mktemp("pictures")
    pixels = np.full((240, 320, 3), 255, np.uint8)
    pixels[40:150, :110] = (0, 255, 0)
    pixels[40:150, 120:230] = (0, 0, 255)
    for (x1, y1, x2, y2), sure in ((HOMER, 255), (MARGE, 230), (STRANGER, 204)):
        pixels[y1:y2, x1:x2] = (255, 0, sure)
    Image.fromarray(pixels).save(folder / "family.png")
    Image.new("RGB", (90, 50), "gold").save(folder / "nobody.jpg")
    return folder


@pytest.fixture(scope="module")
def family(folder):
    return folder / "family.png"


@pytest.fixture(scope="module")
def nobody(folder):
    return folder / "nobody.jpg"


@pytest.fixture
def detect(cli, spots, spot_names):
    def run(*arguments, **options):
        return cli("detect", "--faces", spots, "--model", spot_names, *arguments, **options)

    return run


@pytest.fixture
def bad(tmp_path):
    path = tmp_path / "bad.jpg"
    path.write_text("not a picture")
    return path


def lines(result):
    return [json.loads(line) for line in result.stdout.splitlines()]


def rows(result):
    return list(csv.DictReader(io.StringIO(result.stdout)))


# What is printed


def test_one_line_a_picture(detect, family, nobody):
    result = detect(family, nobody)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        f"{family}  Homer Simpson 99.3% [40 80 70 110], Marge Simpson 100.0% [160 80 190 110], "
        "unknown [280 40 310 70]\n"
        f"{nobody}  no face\n"
    )


def test_json_is_what_the_api_says(detect, spots, spot_names, family, nobody):
    result = detect(family, nobody, "--json", "--top", 2)
    assert result.exit_code == 0
    detector = Detector(spots, spot_names)
    assert lines(result) == [detector.detect(str(path), 2).to_json() for path in (family, nobody)]
    first, second = lines(result)
    assert set(first) == {"path", "faces"}
    keys = {"box", "score", "label", "probability", "verdict", "top"}
    assert [set(face) for face in first["faces"]] == [keys] * 3
    assert [face["box"] for face in first["faces"]] == [list(HOMER), list(MARGE), list(STRANGER)]
    assert [face["verdict"] for face in first["faces"]] == [
        "homer_simpson",
        "marge_simpson",
        "unknown",
    ]
    assert [len(face["top"]) for face in first["faces"]] == [2] * 3
    assert second == {"path": str(nobody), "faces": []}


def test_csv_has_a_row_a_face_and_one_for_nobody(detect, family, nobody, bad):
    result = detect(family, nobody, bad, "--csv", "--top", 2)
    assert result.exit_code == 1
    assert result.stdout.splitlines()[0] == (
        "path,faces,x1,y1,x2,y2,score,label,probability,label_2,probability_2,error,verdict"
    )
    *faces, none, failed = rows(result)
    assert [row["faces"] for row in faces] == ["3"] * 3
    boxes = [tuple(float(row[edge]) for edge in ("x1", "y1", "x2", "y2")) for row in faces]
    assert boxes == [HOMER, MARGE, STRANGER]
    assert [float(row["score"]) for row in faces] == pytest.approx([1, 230 / 255, 0.8])
    assert [row["verdict"] for row in faces] == ["homer_simpson", "marge_simpson", "unknown"]
    assert all(float(row["probability"]) > float(row["probability_2"]) for row in faces)
    assert {row["path"] for row in faces} == {str(family)}
    assert {name: text for name, text in none.items() if text} == {
        "path": str(nobody),
        "faces": "0",
    }
    assert {name for name, text in failed.items() if text} == {"path", "error"}
    assert failed["error"].startswith(f"{bad}: not a picture")


def test_csv_has_no_more_columns_than_there_are_labels(detect, family):
    assert "label_3" in rows(detect(family, "--csv", "--top", 99))[0]
    assert "label_4" not in rows(detect(family, "--csv", "--top", 99))[0]


def test_how_sure_a_face_must_be(detect, family):
    assert len(lines(detect(family, "--json", "--minimum", 0.95))[0]["faces"]) == 1
    assert len(lines(detect(family, "--json", "--minimum", 0))[0]["faces"]) == 3
    for value in ("2", "-1", "nan", "high"):
        assert detect(family, "--minimum", value).exit_code == 2


# Which pictures


def test_folders_lists_and_standard_input(detect, folder, family, nobody, tmp_path):
    names = [str(family), str(nobody)]
    assert [line["path"] for line in lines(detect(folder, "--json"))] == names
    listing = tmp_path / "list.txt"
    listing.write_text("\n".join(names[::-1]))
    result = detect("--paths-from", listing, "--json")
    assert [line["path"] for line in lines(result)] == names[::-1]
    [line] = lines(detect("-", "--json", stdin=family.read_bytes()))
    assert line["path"] == "-"
    assert len(line["faces"]) == 3


def test_a_bad_picture_is_reported_and_the_rest_goes_on(detect, family, bad):
    result = detect(bad, family, "missing.jpg")
    assert result.exit_code == 1
    assert result.stdout.startswith(f"{family}  Homer Simpson")
    assert result.stderr.splitlines() == [
        f"Error: {bad}: not a picture in a format known here; convert it to JPEG or PNG",
        "Error: missing.jpg: no such file; check the path",
    ]
    first, second = lines(detect(bad, family, "--json"))
    assert set(first) == {"path", "error"}
    assert set(second) == {"path", "faces"}


def test_nothing_but_bad_pictures(detect, bad, tmp_path):
    (tmp_path / "empty").mkdir()
    result = detect(bad, tmp_path / "empty")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "empty: the folder has no pictures" in result.stderr


def test_what_is_asked_for_wrongly(detect, family):
    result = detect()
    assert (result.exit_code, result.stderr) == (
        2,
        "Error: no pictures given; try `simpsons detect picture.jpg`\n",
    )
    result = detect(family, "--json", "--csv")
    assert (result.exit_code, result.stderr) == (
        2,
        "Error: --json and --csv can't be combined; choose one\n",
    )


def test_files_given_for_one_another(cli, family, spots):
    result = cli("detect", family, "--faces", model_path("cnn"))
    assert result.exit_code == 2
    assert "names pictures and finds no faces" in result.stderr
    result = cli("detect", family, "--faces", spots, "--model", spots)
    assert result.exit_code == 2
    assert "finds faces and names nobody" in result.stderr
    result = cli("detect", family, "--faces", "missing.onnx")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("Error: missing.onnx: no such weights; use faces, the path")


# Drawings


def opened(path):
    with Image.open(path) as image:
        return image.format, np.asarray(image.convert("RGB"), int)


def test_drawings_are_copies_with_boxes(detect, family, nobody, tmp_path):
    before = family.read_bytes()
    result = detect(family, nobody, "--json", "--draw", tmp_path / "new" / "drawn")
    assert result.exit_code == 0
    written = [line.pop("drawing") for line in lines(result)]
    assert sorted(written) == sorted(map(str, (tmp_path / "new" / "drawn").iterdir()))
    kind, drawn = opened(written[0])
    _, original = opened(family)
    assert (kind, drawn.shape) == ("PNG", original.shape)
    changed = (drawn != original).any(axis=2)
    for x1, y1, x2, y2 in (HOMER, MARGE, STRANGER):
        assert changed[y1:y2, x1].all()
        assert not changed[y1 + 8 : y2 - 8, x1 + 8 : x2 - 8].any()
    assert not changed[200:].any()
    kind, drawn = opened(written[1])
    assert kind == "JPEG"
    assert np.abs(drawn - opened(nobody)[1]).mean() < 3
    assert family.read_bytes() == before
    said = detect(family, "--draw", tmp_path / "new" / "drawn").stdout
    assert said.endswith(f"[280 40 310 70]  -> {written[0]}\n")


def test_drawings_of_one_name_do_not_overwrite_each_other_or_the_originals(
    detect, family, tmp_path
):
    for name in ("a/one", "b/one", "one"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(family, tmp_path / f"{name}.png")
    result = detect(tmp_path, "--draw", tmp_path, "--json")
    assert len({line["drawing"] for line in lines(result)}) == 3
    assert len(list(tmp_path.rglob("*.png"))) == 6
    for name in ("a/one", "b/one", "one"):
        assert (tmp_path / f"{name}.png").read_bytes() == family.read_bytes()


def test_drawings_of_one_name_in_two_folders_are_two(detect, family, tmp_path, monkeypatch):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        shutil.copy(family, tmp_path / name / "x.png")
        monkeypatch.chdir(tmp_path / name)
        assert detect("x.png", "--draw", tmp_path / "drawn").exit_code == 0
    assert len(list((tmp_path / "drawn").iterdir())) == 2


def test_standard_input_and_a_turned_picture_are_drawn(detect, family, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (90, 50), "gold").save(tmp_path / "turned.jpg", exif=exif)
    result = detect(
        "-", tmp_path / "turned.jpg", "--json", "--draw", tmp_path, stdin=family.read_bytes()
    )
    first, second = (opened(line["drawing"])[1].shape for line in lines(result))
    assert (first, second) == ((240, 320, 3), (90, 50, 3))


def test_drawings_that_can_not_be_written(detect, family, bad, tmp_path, monkeypatch):
    result = detect(family, "--draw", bad)
    assert result.exit_code == 2
    assert f"{bad}: drawings can't be written there" in result.stderr
    assert "give --draw another folder" in result.stderr

    def fail(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Image.Image, "save", fail)
    result = detect(family, "--draw", tmp_path / "drawn")
    assert result.exit_code == 2
    assert "drawings can't be written there (No space left on device)" in result.stderr
    assert list((tmp_path / "drawn").iterdir()) == []


# What is imported


def test_nothing_heavy_is_imported(spots, spot_names, family, tmp_path):
    code = f"""
import sys
from simpsons.cli import main
try:
    main(prog_name="simpsons")
finally:
    print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)
"""
    words = ["detect", family, "missing.jpg", "--faces", spots, "--model", spot_names]
    words += ["--draw", tmp_path]
    run = subprocess.run(
        [sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 1
    assert run.stdout.startswith(f"{family}  Homer Simpson")
    assert run.stderr == "Error: missing.jpg: no such file; check the path\n[]\n"
