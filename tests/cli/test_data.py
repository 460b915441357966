"""`simpsons data`: what its commands print and write, and how they say what is wrong."""

import csv
import json
import shutil

import kagglehub
import pytest
from PIL import Image

from simpsons.characters import display_name
from simpsons.dataset import kaggle
from simpsons.demo.drawings import DOLLS


@pytest.fixture
def messy(drawings, tmp_path):
    """Two dolls, four pictures each, and files that are none."""
    folder = tmp_path / "messy"
    for doll in DOLLS[:2]:
        shutil.copytree(drawings / doll.slug, folder / doll.slug)
    (folder / DOLLS[0].slug / "text.jpg").write_text("no picture")
    (folder / DOLLS[1].slug / "empty.png").touch()
    (folder / "notes.txt").write_text("a note")
    return folder


@pytest.fixture
def mixed(drawings, tmp_path):
    """One of the 18 and one that is not."""
    shutil.copytree(drawings / DOLLS[0].slug, tmp_path / "mixed" / "homer_simpson")
    shutil.copytree(drawings / DOLLS[1].slug, tmp_path / "mixed" / "otto_mann")
    return tmp_path / "mixed"


@pytest.fixture(scope="module")
def enough(drawings, tmp_path_factory):
    """Two classes of twelve pictures, as many as a leak-free split needs; two are copies."""
    folder = tmp_path_factory.mktemp("enough")
    for number, doll in enumerate(DOLLS[:6]):
        of = folder / ("left" if number < 3 else "right")
        of.mkdir(exist_ok=True)
        for picture in (drawings / doll.slug).iterdir():
            shutil.copy(picture, of / f"{doll.slug}_{picture.name}")
    for of in (folder / "left", folder / "right"):
        shutil.copy(min(of.iterdir()), of / "copy.jpg")
    return folder


def refused(result):
    """The one line that a user sees of an error."""
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    lines = result.stderr.splitlines()
    assert lines[-1].startswith("Error: ")
    return lines[-1].removeprefix("Error: ")


# ---- stats ---------------------------------------------------------------------------------


def test_stats_counts_and_lists_what_is_left_out(cli, messy):
    result = cli("data", "stats", messy)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    first, second = (display_name(doll.slug) for doll in DOLLS[:2])
    width = max(len(first), len(second))
    assert lines[0] == f"{first:<{width}}       4  {'#' * 40}"
    assert lines[1] == f"{second:<{width}}       4  {'#' * 40}"
    assert lines[2].split() == ["all", "8"]
    assert "formats JPEG 8" in lines
    assert "3 files left out" in lines
    assert "  notes.txt: outside the class folders" in lines
    assert f"  {DOLLS[1].slug}/empty.png: the file is empty" in lines
    assert any(
        line.startswith(f"  {DOLLS[0].slug}/text.jpg: not a picture in a format") for line in lines
    )
    assert result.stderr == ""


def test_stats_as_json(cli, messy):
    result = cli("data", "stats", messy, "--json")
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    problems = facts.pop("problems")
    assert {problem["path"] for problem in problems} == {
        "notes.txt",
        f"{DOLLS[0].slug}/text.jpg",
        f"{DOLLS[1].slug}/empty.png",
    }
    assert all(problem["reason"] for problem in problems)
    sizes = facts.pop("sizes")
    for path in messy.rglob("pic_*.jpg"):
        with Image.open(path) as picture:
            for side, length in zip(("width", "height"), picture.size, strict=True):
                assert sizes[side]["smallest"] <= length <= sizes[side]["largest"]
    assert facts == {
        "pictures": 8,
        "characters": {DOLLS[0].slug: 4, DOLLS[1].slug: 4},
        "formats": {"JPEG": 8},
        "left_out": {},
    }


def test_stats_says_which_characters_it_does_not_count(cli, mixed):
    result = cli("data", "stats", mixed)
    assert result.stdout.splitlines()[0].startswith("Homer Simpson")
    assert "left out, as they are of 1 other character: 4 pictures;" in result.stdout
    facts = json.loads(cli("data", "stats", mixed, "--json").stdout)
    assert facts["left_out"] == {"otto_mann": 4}
    everyone = json.loads(cli("data", "stats", mixed, "--json", "--characters", "all").stdout)
    assert everyone["characters"] == {"homer_simpson": 4, "otto_mann": 4}
    one = json.loads(cli("data", "stats", mixed, "--json", "--characters", "otto_mann").stdout)
    assert one["characters"] == {"otto_mann": 4}


def test_stats_draws_a_picture(cli, messy, tmp_path):
    result = cli("data", "stats", messy, "--picture", tmp_path / "new" / "counts.png")
    assert result.exit_code == 0, result.output
    with Image.open(tmp_path / "new" / "counts.png") as picture:
        assert picture.format == "PNG"
        assert min(picture.size) > 100


def test_stats_refuses_a_picture_of_another_kind(cli, messy, tmp_path):
    message = refused(cli("data", "stats", messy, "--picture", tmp_path / "counts.txt"))
    assert "counts.txt: figures are saved as .png or .svg" in message
    assert not (tmp_path / "counts.txt").exists()


def test_the_data_set_of_the_environment_needs_no_folder(cli, messy, monkeypatch):
    monkeypatch.setenv("SIMPSONS_DATA", str(messy))
    assert json.loads(cli("data", "stats", "--json").stdout)["pictures"] == 8


# ---- split ---------------------------------------------------------------------------------


def test_split_writes_a_table_and_says_what_is_in_it(cli, enough, tmp_path):
    out = tmp_path / "split.csv"
    result = cli("data", "split", enough, "--out", out, "--seed", 1)
    assert result.exit_code == 0, result.output
    with out.open(newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert list(table[0]) == ["path", "character", "group", "split"]
    assert len(table) == 26
    assert all(line["path"].split("/")[0] == line["character"] for line in table)
    lines = result.stdout.splitlines()
    for part in ("train", "validation", "test"):
        count = sum(line["split"] == part for line in table)
        assert count > 0
        leak = "" if part == "train" else ", 0 with a near-duplicate in training"
        assert f"{part:<10} {count:>7,}{leak}" in lines
    assert lines[-1] == f"wrote {out}"


def test_split_as_json(cli, enough, tmp_path):
    out = tmp_path / "split.csv"
    facts = json.loads(cli("data", "split", enough, "--out", out, "--seed", 1, "--json").stdout)
    with out.open(newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    groups = [line["group"] for line in table]
    assert facts == {
        "split": "leak-free",
        "seed": 1,
        "parts": {
            part: sum(line["split"] == part for line in table)
            for part in ("train", "validation", "test")
        },
        "groups": len(set(groups)),
        "largest_group": max(groups.count(group) for group in groups),
        "large_groups": [],
        "near_duplicates_of_training_pictures": {"validation": 0, "test": 0},
        "problems": 0,
        "out": str(out),
    }
    assert facts["largest_group"] >= 2


def test_split_is_the_same_from_the_same_seed(cli, enough, tmp_path):
    def written(seed):
        assert cli("data", "split", enough, "--out", tmp_path / "s", "--seed", seed).exit_code == 0
        return (tmp_path / "s").read_bytes()

    assert written(1) == written(1) != written(2)


def test_split_random_has_no_test_part(cli, enough, tmp_path):
    out = tmp_path / "split.csv"
    result = cli("data", "split", enough, "--split", "random", "--out", out)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == f"train      {20:>7}"
    assert lines[1].startswith(f"validation {6:>7}, ")
    assert lines[2] == f"test       {0:>7}"


def test_split_takes_a_table_it_wrote(cli, enough, tmp_path):
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    assert cli("data", "split", enough, "--out", first).exit_code == 0
    assert cli("data", "split", enough, "--split", first, "--out", second).exit_code == 0
    assert first.read_bytes() == second.read_bytes()


def test_a_split_that_knows_none_of_the_pictures_writes_nothing(cli, enough, tmp_path):
    result = cli("data", "split", enough, "--split", "shipped", "--out", tmp_path / "split.csv")
    assert result.exit_code == 2
    assert "none of its pictures is in the split shipped" in result.stderr
    assert not (tmp_path / "split.csv").exists()


def test_split_of_too_few_pictures_writes_nothing(cli, messy, tmp_path):
    message = refused(cli("data", "split", messy, "--out", tmp_path / "split.csv"))
    assert "8 pictures are too few for a split" in message
    assert not (tmp_path / "split.csv").exists()


# ---- preview -------------------------------------------------------------------------------


@pytest.mark.parametrize("recipe", ["default", "notebook"])
def test_preview_draws_a_batch(cli, messy, tmp_path, recipe):
    out = tmp_path / "batch.png"
    arguments = ("data", "preview", messy, "--out", out, "--recipe", recipe, "--count", 4)
    result = cli(*arguments)
    assert result.exit_code == 0, result.output
    assert result.stdout == f"wrote {out}\n"
    with Image.open(out) as picture:
        assert picture.format == "PNG"
        assert picture.convert("L").getextrema()[0] < 100
    before = out.read_bytes()
    cli(*arguments)
    assert out.read_bytes() == before
    cli(*arguments, "--seed", 1)
    assert out.read_bytes() != before


def test_preview_refuses_an_unknown_recipe(cli, messy, tmp_path):
    message = refused(cli("data", "preview", messy, "--recipe", "x", "--out", tmp_path / "b.png"))
    assert "'x' is not one of 'default', 'notebook'" in message
    assert not (tmp_path / "b.png").exists()


# ---- download ------------------------------------------------------------------------------


@pytest.fixture
def client(tmp_path, monkeypatch):
    """Choose what a stand-in for Kaggle's client does."""
    monkeypatch.setenv("SIMPSONS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("KAGGLEHUB_CACHE", "restored at the end")

    def choose(function):
        monkeypatch.setattr(kagglehub, "dataset_download", function)

    return choose


def test_download_says_where_the_data_set_is(cli, client, tmp_path):
    client(lambda _: str(tmp_path / "there"))
    assert cli("data", "download").stdout == f"{tmp_path / 'there'}\n"
    facts = json.loads(cli("data", "download", "--json").stdout)
    assert facts == {"folder": str(tmp_path / "there")}


def test_download_without_network(cli, client):
    def no_network(_):
        raise ConnectionError("Name or service not known")

    client(no_network)
    message = refused(cli("data", "download"))
    assert message.startswith(f"can't download {kaggle.HANDLE} from Kaggle (ConnectionError)")
    assert kaggle.PAGE in message


# ---- errors --------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["stats", "split", "preview"])
def test_a_missing_folder(cli, tmp_path, command):
    message = refused(cli("data", command, tmp_path / "nowhere"))
    assert message.startswith(f"{tmp_path / 'nowhere'}: no such folder")


@pytest.mark.parametrize("command", ["stats", "split", "preview"])
def test_no_folder_and_nothing_installed(cli, tmp_path, monkeypatch, command):
    monkeypatch.setenv("SIMPSONS_CACHE", str(tmp_path / "empty"))
    assert refused(cli("data", command)).startswith("no data: give a folder of pictures")


@pytest.mark.parametrize(
    ("wish", "said"),
    [("Kodos", "no pictures of Kodos; it has "), ("3", "give a number from 1 to 2")],
)
def test_characters_that_are_not_there(cli, messy, wish, said):
    assert said in refused(cli("data", "stats", messy, "--characters", wish))


def test_no_picture_can_be_read(cli, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.jpg").write_text("no picture")
    assert "none of its 1 picture files can be read" in refused(cli("data", "stats", tmp_path))


def test_a_split_that_is_not_there(cli, messy):
    assert "leak-fre: no such split" in refused(cli("data", "split", messy, "--split", "leak-fre"))
