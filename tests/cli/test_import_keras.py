"""`simpsons import`; the figures are those of Keras, by tests/fixtures/make_keras_home.py."""

import io
import json
import zipfile
from pathlib import Path

import h5py
import numpy as np
import onnx
import pytest
from PIL import Image

from simpsons.characters import SLUGS
from simpsons.classifier import Classifier
from simpsons.pixels import images

FIXTURES = Path(__file__).parents[1] / "fixtures"
HOME = json.loads((FIXTURES / "keras_home.json").read_text(encoding="utf-8"))["answers"]
CNN = FIXTURES / "keras_cnn.keras"


def picture(height, width):
    """The same as in make_keras_home.py."""
    y, x, channel = np.ogrid[:height, :width, :3]
    values = (x * x * (channel + 1) // 7 + y * y // 5 + 60 * ((x + y * (channel + 2)) % 3)) % 256
    return values.astype(np.uint8)


@pytest.fixture
def picture_file(tmp_path):
    path = tmp_path / "picture.png"
    Image.fromarray(picture(230, 310)).save(path)
    return path


def probabilities(answer):
    """In the order of the outputs."""
    by_label = {one["label"]: one["probability"] for one in answer["top"]}
    return np.array([by_label[label] for label in SLUGS])


@pytest.mark.parametrize(
    ("network", "way", "options", "most"),
    [
        ("cnn", "cv2, BGR", ["--bgr", "--resize", "bilinear"], 1e-5),
        ("cnn", "cv2, RGB", ["--values", "0..1", "--resize", "bilinear"], 1e-5),
        ("cnn", "flow_from_directory", ["--resize", "nearest"], 1e-5),
        ("cnn", "image_dataset_from_directory", ["--resize", "bilinear"], 0.01),  # unrounded there
        ("cnn", "load_img", ["--resize", "nearest", "--values", "-1..1"], 1e-5),
    ],
)
def test_a_file_gets_the_answer_that_it_got_at_home(
    cli, network, way, options, most, picture_file, tmp_path
):
    out = tmp_path / "home.onnx"
    result = cli("import", FIXTURES / f"keras_{network}.keras", out, *options)
    assert result.exit_code == 0, result.stderr
    words = ["--model", out, "--top", 18, "--json"]
    answer = json.loads(cli("predict", picture_file, *words).stdout)
    [answer] = answer if isinstance(answer, list) else [answer]
    assert np.abs(probabilities(answer) - HOME[network][way]).max() < most
    again = Classifier(out)
    for source in (picture(230, 310), picture_file, picture_file.read_bytes()):
        assert again.predict(source, 18).label == answer["label"]
    others = [probabilities(one.to_json()) for one in again.predict_all([picture_file] * 2, 18)]
    assert np.allclose(others, probabilities(answer), atol=1e-6)


def test_what_the_file_does_not_tell_is_said(cli, tmp_path):
    result = cli("import", CNN, tmp_path / "a.onnx")
    assert result.exit_code == 0
    said = [f"wrote {tmp_path / 'a.onnx'}: cnn, 9.0 MB", f"wrote {tmp_path / 'a.json'}"]
    assert result.stdout.splitlines() == said
    for part in ("--values", "--bgr", "--resize", "--labels", "so are answers"):
        assert part in result.stderr
    assert Classifier(tmp_path / "a.onnx").resize == "antialias"
    told = ["--values", "0..1", "--bgr", "--resize", "antialias", "--labels", ",".join(SLUGS)]
    assert cli("import", CNN, tmp_path / "b.onnx", *told).stderr == ""


def test_help_promises_the_same_answers_for_the_same_pixels_only(cli):
    said = " ".join(cli("import", "--help").stdout.split())
    assert "For the same pixels the network answers as in Keras." in said
    assert "if --values, --bgr and --resize say how your code read them" in said
    assert "same answers" not in said


def test_a_wrong_number_of_labels(cli, tmp_path):
    wrong = cli("import", CNN, tmp_path / "a.onnx", "--labels", "cat,mouse")
    assert wrong.exit_code == 2
    assert "has 18 classes and 2 labels are given" in wrong.stderr
    assert not (tmp_path / "a.onnx").exists()


def test_a_missing_file(cli, tmp_path):
    result = cli("import", tmp_path / "none.keras", tmp_path / "a.onnx")
    assert result.exit_code == 2
    assert "none.keras: no such file; check the path" in result.stderr


@pytest.mark.parametrize("labels", ["cat,,mouse", "cat,mouse, cat", ""])
def test_labels_that_are_no_names_are_refused(cli, tmp_path, labels):
    result = cli("import", CNN, tmp_path / "x.onnx", "--labels", labels)
    assert result.exit_code == 2
    assert "empty or duplicate name" in result.stderr


NAMES = [f"class {18 - n}" for n in range(18)]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("labels.txt", "\n".join(NAMES) + "\n"),
        ("labels.json", json.dumps(NAMES)),
        ("class_indices.json", json.dumps({name: n for n, name in enumerate(NAMES)})),
        ("by_number.json", json.dumps({str(n): name for n, name in enumerate(NAMES)})),
    ],
)
def test_labels_in_a_file(cli, name, content, tmp_path):
    (tmp_path / name).write_text(content, encoding="utf-8")
    out = tmp_path / "a.onnx"
    assert cli("import", CNN, out, "--labels", tmp_path / name).exit_code == 0
    assert list(Classifier(out).labels) == NAMES


def test_labels_of_the_folder_that_keras_read(cli, tmp_path):
    for name in NAMES:
        (tmp_path / "train" / name).mkdir(parents=True)
    (tmp_path / "train" / "notes.txt").touch()
    out = tmp_path / "a.onnx"
    assert cli("import", CNN, out, "--labels", tmp_path / "train").exit_code == 0
    assert list(Classifier(out).labels) == sorted(NAMES)


@pytest.mark.parametrize(
    "content", ["{", "3", '{"a": 1, "b": 2}', '["a", 1]', "[" * 10**5, '{"a": "b"}']
)
def test_files_that_hold_no_labels(cli, content, tmp_path):
    path = tmp_path / "labels.json"
    path.write_text(content, encoding="utf-8")
    result = cli("import", CNN, tmp_path / "a.onnx", "--labels", path)
    assert result.exit_code == 2
    assert f"--labels {path}: is not a list of" in result.stderr


def test_an_unknown_way_of_fitting_is_refused(cli, picture_file, tmp_path):
    out = tmp_path / "a.onnx"
    assert cli("import", CNN, out, "--resize", "nearest").exit_code == 0
    content = onnx.load(out)
    stored = next(one for one in content.metadata_props if one.key == "resize")
    stored.value = '"lanczos"'
    onnx.save(content, out)
    result = cli("predict", picture_file, "--model", out)
    assert result.exit_code == 2
    assert "its resize is 'lanczos', and known are antialias, bilinear, nearest" in result.stderr


def test_evaluate_fits_pictures_as_the_file_says(cli, many_drawings, tmp_path):
    """The same accuracy as by classifying file by file."""
    out = tmp_path / "a.onnx"
    names = sorted(one.name for one in many_drawings.iterdir() if one.is_dir())
    labels = [*names, *(f"other {n}" for n in range(18 - len(names)))]
    options = ["--resize", "nearest", "--values", "-1..1", "--labels", ",".join(labels)]
    assert cli("import", CNN, out, *options).exit_code == 0
    classifier = Classifier(out)
    files = sorted(path for path in many_drawings.rglob("*") if path.suffix in (".png", ".jpg"))
    right = [
        answer.label == Path(str(answer.path)).parent.name
        for answer in classifier.predict_all(files)
    ]
    result = cli("evaluate", many_drawings, "--model", out, "--json")
    assert result.exit_code == 0, result.stderr
    evaluation = json.loads(result.stdout)
    assert evaluation["n"] == len(files)
    assert evaluation["accuracy"] == pytest.approx(np.mean(right))
    nearest = np.stack([images.load(file, resize="nearest") for file in files[:20]])
    usual = np.stack([images.load(file) for file in files[:20]])
    assert not np.array_equal(nearest, usual)


@pytest.mark.slow
def test_an_exported_copy_answers_alike(cli, many_drawings, picture_file, tmp_path):
    imported, out = tmp_path / "notebook.onnx", tmp_path / "again.onnx"
    names = sorted(one.name for one in many_drawings.iterdir() if one.is_dir())
    weights = tmp_path / "few.keras"
    fewer_classes(weights, len(names))
    options = ["--resize", "nearest", "--values", "-1..1", "--labels", ",".join(names)]
    assert cli("import", weights, imported, *options).exit_code == 0
    card = cli("export", imported, out, "--data", many_drawings, "--split", "leak-free", "--card")
    assert card.exit_code == 2
    assert "notebook.onnx: does not say how it was trained" in card.stderr
    assert not out.exists()
    result = cli("export", imported, out, "--data", many_drawings, "--split", "leak-free")
    assert result.exit_code == 0, result.stderr
    first, second = (Classifier(one).predict(picture_file, 99) for one in (imported, out))
    assert second.top[0][0] == first.top[0][0]
    assert dict(second.top) == pytest.approx(dict(first.top), abs=1e-5)
    refused = cli(
        "train", many_drawings, "--from", imported, "--epochs", 1, "--out", tmp_path / "r"
    )
    assert refused.exit_code == 2
    assert "works with other values of pixels" in refused.stderr


def fewer_classes(path, count):
    """keras_cnn.keras with the first classes only."""
    with zipfile.ZipFile(CNN) as archive:
        config = json.loads(archive.read("config.json"))
        weights = io.BytesIO(archive.read("model.weights.h5"))
    config["config"]["layers"][-1]["config"]["units"] = count
    with h5py.File(weights, "r+") as file:
        for number in "01":
            array = file[f"layers/dense_1/vars/{number}"][()][..., :count]
            del file[f"layers/dense_1/vars/{number}"]
            file[f"layers/dense_1/vars/{number}"] = array
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", weights.getvalue())


def test_out_that_can_not_be_written(cli, tmp_path):
    folder = tmp_path / "no"
    folder.mkdir()
    result = cli("import", CNN, folder)
    assert result.exit_code == 2
    assert not list(folder.iterdir())
