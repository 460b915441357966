"""`simpsons data audit` and `simpsons data clean`, as a user runs them."""

import json

import numpy as np
import pytest
from PIL import Image

from simpsons.demo.dolls import DOLLS
from simpsons.demo.drawings import draw


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two classes of three drawings, one of them twice, and a test folder with a copy."""
    root = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(1)
    for number in (0, 1):
        (root / "train" / str(number)).mkdir(parents=True)
        for count in range(3):
            picture = draw(DOLLS[number], rng, 96)
            picture.save(root / "train" / str(number) / f"{count}.png")
    (root / "test" / "0").mkdir(parents=True)
    with Image.open(root / "train/0/0.png") as picture:
        picture.convert("RGB").resize((60, 60)).save(root / "test/0/0.jpg")
    return root


def test_audit_prints_counts_and_writes_a_page(cli, folder, tmp_path):
    page = tmp_path / "audit.html"
    result = cli("data", "audit", folder / "train", "--test", folder / "test", "--report", page)
    assert result.exit_code == 0
    assert "1  of 1, 1 of them copies" in result.output
    assert "not looked for" in result.output
    assert "0/0.jpg" in page.read_text(encoding="utf-8")


def test_audit_as_json(cli, folder, tmp_path):
    page = tmp_path / "audit.html"
    arguments = ("--test", folder / "test", "--report", page, "--json")
    found = json.loads(cli("data", "audit", folder / "train", *arguments).stdout)
    assert found["counts"]["pictures"] == 6
    assert found["leaks"][0]["copies"] == 1
    assert found["leaks"][0]["pairs"][0]["paths"] == ["0/0.jpg", "0/0.png"]
    assert found["report"] == str(page)


def test_a_folder_without_faults(cli, folder, tmp_path):
    page = tmp_path / "audit.html"
    found = json.loads(cli("data", "audit", folder / "train", "--report", page, "--json").stdout)
    counts = found["counts"]
    assert counts["near_duplicate_groups"] == counts["copies"] == counts["odd_pictures"] == 0
    assert found["groups"] == found["two_labels"] == found["leaks"] == found["odd"] == []


def test_clean_writes_a_list(cli, folder, tmp_path):
    out = tmp_path / "exclude.csv"
    arguments = ("--test", folder / "test", "--out", out, "--json")
    result = json.loads(cli("data", "clean", folder / "train", *arguments).stdout)
    assert result == {"drop": 1, "relabel": 0, "out": str(out)}
    assert out.read_text().splitlines()[1].startswith("0/0.png,drop,")
    out.write_text("edited")
    again = cli("data", "clean", folder / "train", *arguments)
    assert again.exit_code == 2
    assert "exclude.csv: already exists and may have been edited; move it away" in again.stderr
    assert out.read_text() == "edited"


def test_a_missing_test_folder_is_a_clear_error(cli, folder, tmp_path):
    result = cli("data", "audit", folder / "train", "--test", tmp_path / "none")
    assert result.exit_code == 2
    assert "no such folder" in result.stderr


def test_train_refuses_a_bad_list_before_it_writes(cli, folder, tmp_path):
    (tmp_path / "bad.csv").write_text("path,action\nnobody.png,drop\n")
    out = tmp_path / "run"
    result = cli(
        *("train", folder / "train", "--split", "random", "--out", out),
        *("--exclude", tmp_path / "bad.csv"),
    )
    assert result.exit_code == 2
    assert "nobody.png is not a picture" in result.stderr
    assert not out.exists()


@pytest.mark.parametrize(("command", "option"), [("audit", "--report"), ("clean", "--out")])
def test_an_output_that_can_not_be_written_is_refused_before_the_search(
    cli, folder, tmp_path, command, option
):
    result = cli("data", command, folder / "missing", option, tmp_path)
    assert result.exit_code == 2
    assert result.stderr == f"Error: {tmp_path}: Is a directory; check the path and its disk\n"
