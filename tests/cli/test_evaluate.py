"""`simpsons evaluate` and `simpsons compare` on drawings filed under the 18 names."""

import csv
import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from simpsons import Classifier, classifier
from simpsons.characters import SLUGS
from simpsons.demo.drawings import DOLLS
from simpsons.pixels import images


@pytest.fixture(scope="module")
def named(many_drawings, tmp_path_factory):
    """The drawings, one doll filed under each of the 18 characters."""
    folder = tmp_path_factory.mktemp("named")
    for slug, doll in zip(SLUGS, DOLLS, strict=True):
        shutil.copytree(many_drawings / doll.slug, folder / slug)
    return folder


@pytest.fixture(scope="module")
def flat(named, tmp_path_factory):
    """A test set named flat, each picture a re-encoded smaller copy, and one that is not."""
    folder = tmp_path_factory.mktemp("flat")
    for slug in SLUGS[:4]:
        picture = sorted((named / slug).iterdir())[0]
        with Image.open(picture) as image:
            smaller = image.resize((image.width * 3 // 5, image.height * 3 // 5))
            smaller.save(folder / f"{slug}_0.jpg", quality=80)
    stranger = Image.radial_gradient("L").rotate(30)
    stranger.save(folder / f"{SLUGS[5]}_0.jpg")
    return folder


def test_json_has_the_promised_keys_and_the_right_accuracy(cli, named, onnx_model):
    result = cli("evaluate", named, "--model", onnx_model, "--json")
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    classifier = Classifier(onnx_model)
    files = sorted(named.rglob("*.jpg"))
    right = sum(classifier.predict(path).label == path.parent.name for path in files)
    assert figures["n"] == len(files)
    assert figures["accuracy"] == pytest.approx(right / len(files))
    low, high = figures["accuracy_interval"]
    assert low <= figures["accuracy"] <= high
    assert {"macro_f1", "log_loss", "calibration_error", "per_class"} <= figures.keys()
    assert figures["problems"] == []


def test_text_names_the_figures_and_the_characters(cli, named, onnx_model):
    result = cli("evaluate", named, "--model", onnx_model)
    assert result.exit_code == 0
    for words in ("accuracy", "95 % interval", "macro-F1", "calibration error", "Moe Szyslak"):
        assert words in result.stdout


def test_a_part_of_a_split(cli, named, onnx_model):
    arguments = ("evaluate", named, "--model", onnx_model, "--part", "test", "--json")
    figures = json.loads(cli(*arguments).stdout)
    everything = len(list(named.rglob("*.jpg")))
    assert 0 < figures["n"] < everything / 4
    assert figures["split"] == "leak-free, seed 0, test part"
    refused = cli(*arguments, "--split", "random")
    assert refused.exit_code == 2
    assert "the random split has no test part" in refused.stderr


def test_report_and_picture_are_written(cli, named, onnx_model, tmp_path):
    report, picture = tmp_path / "out" / "report.html", tmp_path / "confusion.png"
    arguments = ("evaluate", named, "--model", onnx_model)
    result = cli(*arguments, "--report", report, "--picture", picture)
    assert result.exit_code == 0, result.output
    assert "Confusion matrix" in report.read_text(encoding="utf-8")
    assert images.decode(picture).shape[0] > 300
    wrong = cli(*arguments, "--picture", tmp_path / "confusion.xyz")
    assert wrong.exit_code == 2
    assert "figures are saved as .png or .svg" in wrong.stderr


def test_a_flat_test_set_is_checked_for_copies(cli, named, flat, onnx_model):
    arguments = ("evaluate", flat, "--model", onnx_model)
    result = cli(*arguments, "--training", named)
    assert "4 of these 5 pictures are copies of training pictures (80.0%)" in result.stdout
    figures = json.loads(cli(*arguments, "--training", named, "--json").stdout)
    assert figures["copies_of_training_pictures"] == 4
    unknown = cli(*arguments)
    assert "no training pictures at hand to look for copies in" in unknown.stdout


def test_training_pictures_beside_an_unpacked_archive_are_found(
    cli, named, flat, onnx_model, tmp_path
):
    shutil.copytree(named, tmp_path / "simpsons_dataset")
    nested = tmp_path / "kaggle_simpson_testset" / "kaggle_simpson_testset"
    shutil.copytree(flat, nested)
    result = cli("evaluate", nested.parent, "--model", onnx_model)
    assert "4 of these 5 pictures are copies" in result.stdout


def test_bad_files_are_counted_and_named(cli, named, onnx_model, tmp_path):
    folder = tmp_path / "data"
    shutil.copytree(named, folder)
    (folder / SLUGS[0] / "broken.jpg").write_bytes(b"no picture")
    result = cli("evaluate", folder, "--model", onnx_model)
    assert result.exit_code == 0
    assert "1 files were left out" in result.stdout
    assert "broken.jpg: not a picture" in result.stdout


def test_strangers_only_are_refused(cli, drawings, onnx_model):
    result = cli("evaluate", drawings, "--model", onnx_model)
    assert result.exit_code == 2
    assert "no picture of a character that the model knows" in result.stderr


def test_a_network_of_other_characters_is_measured_on_those_it_knows(
    cli, tmp_path, named, drawings, other_model
):
    for who, of in (("cat", drawings), ("mouse", drawings), (SLUGS[0], named)):
        (tmp_path / "data" / who).mkdir(parents=True)
        shutil.copy(sorted(of.glob("*/*.*"))[0], tmp_path / "data" / who)
    result = cli("evaluate", tmp_path / "data", "--model", other_model, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["n"] == 2
    assert found["not_measured"] == {SLUGS[0]: 1}


def test_no_data_at_all_says_where_to_get_some(cli, onnx_model):
    result = cli("evaluate", "--model", onnx_model)
    assert result.exit_code == 2
    assert "simpsons data download" in result.stderr


def test_compare_a_model_with_itself_finds_no_difference(cli, named, onnx_model, tmp_path):
    report = tmp_path / "compare.html"
    result = cli("compare", onnx_model, onnx_model, named, "--report", report)
    assert result.exit_code == 0, result.output
    assert "do not tell them apart" in result.stdout
    assert report.stat().st_size > 10_000
    figures = json.loads(cli("compare", onnx_model, onnx_model, named, "--json").stdout)
    assert figures["p_value"] == 1
    assert figures["difference"] == 0


def test_compare_looks_for_copies_too(cli, named, flat, onnx_model):
    arguments = ("compare", onnx_model, onnx_model, flat, "--training", named)
    assert "4 of these 5 pictures are copies of training pictures" in cli(*arguments).stdout
    figures = json.loads(cli(*arguments, "--json").stdout)
    assert figures["copies_of_training_pictures"] == 4


def test_pictures_that_the_shipped_weights_learnt_from_are_told(cli, named, tmp_path, onnx_model):
    with (Path(classifier.__file__).parent / "weights" / "split.csv").open(newline="") as file:
        learnt = [line["path"] for line in csv.DictReader(file) if line["split"] == "train"]
    folder = tmp_path / "data"
    for path, of in zip(learnt[::1000], sorted(named.rglob("*.jpg")), strict=False):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(of, folder / path)
    own = json.loads(cli("evaluate", folder, "--model", onnx_model, "--json").stdout)
    assert own["named_like_training_pictures"] is None
    told = cli("evaluate", folder, "--model", onnx_model).stdout
    assert f"{onnx_model} does not say which pictures it learnt from; if some are among" in told
    shipped = cli("compare", "cnn", "xception", folder)
    assert f"{own['n']} of these {own['n']} pictures are named like pictures" in shipped.stdout


def test_a_report_that_can_not_be_written_is_refused_before_measuring(cli, named, tmp_path):
    result = cli("evaluate", named, "--model", "missing.onnx", "--report", tmp_path)
    assert result.exit_code == 2
    assert result.stderr == f"Error: {tmp_path}: Is a directory; check the path and its disk\n"


def test_a_split_without_a_part_is_refused(cli, named, onnx_model):
    result = cli("evaluate", named, "--model", onnx_model, "--split", "leak-free")
    assert result.exit_code == 2
    assert "--split leak-free says which parts there are; choose one by --part" in result.stderr


def test_a_picture_in_another_format_is_refused_before_measuring(cli, tmp_path):
    result = cli("evaluate", tmp_path / "missing", "--picture", "matrix.jpg")
    assert result.exit_code == 2
    assert "matrix.jpg: figures are saved as .png or .svg, not .jpg" in result.stderr


def test_compare_wants_two_models_before_the_pictures(cli, named):
    result = cli("compare", "cnn", named)
    assert result.exit_code == 2
    assert result.stderr == (
        f"Error: {named}: is a folder, not a model; name two models and then the pictures, as in "
        f"`simpsons compare cnn xception {named}`\n"
    )


def test_compare_refuses_models_of_other_characters(cli, named, onnx_model, other_model):
    result = cli("compare", onnx_model, other_model, named)
    assert result.exit_code == 2
    assert "know different characters" in result.stderr


def folders(drawings, root, spell):
    """Two dolls' pictures in folders whose names are spelt so."""
    for doll in DOLLS[:2]:
        shutil.copytree(drawings / doll.slug, root / spell(doll.slug))
    return root


@pytest.mark.parametrize("spell", [str.upper, lambda slug: slug.replace("_", " ").title()])
def test_names_spelt_otherwise_are_the_same_characters(cli, drawings, doll_model, tmp_path, spell):
    figures = []
    for name, how in (("plain", str), ("spelt", spell)):
        folder = folders(drawings, tmp_path / name, how)
        figures.append(json.loads(cli("evaluate", folder, "--model", doll_model, "--json").stdout))
    assert figures[1]["n"] == 8
    assert figures[1]["accuracy"] == figures[0]["accuracy"]
    assert figures[1]["not_measured"] == {}
    compared = cli("compare", doll_model, doll_model, tmp_path / "spelt", "--json")
    assert compared.exit_code == 0


def test_decomposed_names_are_the_same_characters(cli, drawings, tmp_path):
    model = exported(tmp_path / "model.onnx", ("M\u00fcller", "cat"))
    names = iter(["Mu\u0308ller", "cat"])
    data = folders(drawings, tmp_path / "data", lambda _: next(names))
    figures = json.loads(cli("evaluate", data, "--model", model, "--json").stdout)
    assert (figures["n"], figures["not_measured"]) == (8, {})
    assert [score["support"] for score in figures["per_class"]] == [4, 4]
    other = exported(tmp_path / "other.onnx", ("cat", "Mu\u0308ller"))
    assert cli("compare", model, other, data).exit_code == 0


def test_characters_without_a_picture_are_named(cli, drawings, doll_model, tmp_path):
    data = folders(drawings, tmp_path / "data", str)
    said = cli("evaluate", data, "--model", doll_model).stdout
    count = len(DOLLS)
    assert f"{count - 2} of the {count} characters that the network knows have no picture" in said
    notes = json.loads(cli("evaluate", data, "--model", doll_model, "--json").stdout)["notes"]
    assert any("have no picture here" in note for note in notes)


def test_a_split_that_folders_give(cli, drawings, doll_model, tmp_path):
    for part in ("train", "val"):
        folders(drawings, tmp_path / "data" / part, str)
    asked = ("evaluate", tmp_path / "data", "--model", doll_model, "--part", "validation", "--json")
    figures = json.loads(cli(*asked).stdout)
    assert (figures["n"], figures["split"]) == (8, "given, validation part")
    assert any(note.startswith("8 of 8 validation pictures have a") for note in figures["notes"])


@pytest.fixture
def other_model(tmp_path):
    """An ONNX file that knows two classes of another cartoon."""
    return exported(tmp_path / "other.onnx", ("cat", "mouse"))


def exported(path, names):
    from simpsons import models
    from simpsons.formats.onnx_export import export

    export(models.build("cnn", len(names)), path, names, {"network": "cnn"})
    return path
