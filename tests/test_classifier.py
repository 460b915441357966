import base64
import itertools
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from simpsons import Classifier, Failure, ModelError, Prediction, processors
from simpsons.characters import SLUGS
from simpsons.classifier import BATCH
from simpsons.pixels.images import ImageError, load

COLOURS = ("red", "green", "blue_is_best")
HEAVY = ("torch", "matplotlib", "sklearn", "scipy", "onnx", "h5py", "kagglehub", "rich")


def write_colour_model(
    path, inputs=("N", 64, 64, 3), kind=TensorProto.UINT8, labels=COLOURS, **metadata
):
    """A classifier that anyone can check: the softmax of a picture's mean red, green and blue,
    each divided by 51."""
    nodes = [
        helper.make_node("Cast", ["pixels"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["numbers", "sides"], ["means"], keepdims=0),
        helper.make_node("Div", ["means", "scale"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("pixels", kind, inputs)],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 3])],
        [
            numpy_helper.from_array(np.array([1, 2]), "sides"),
            numpy_helper.from_array(np.float32(51), "scale"),
        ],
    )
    opsets = [helper.make_opsetid("", 18)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    if labels is not None:
        metadata["labels"] = labels
    texts = {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in metadata.items()
    }
    helper.set_model_props(model, texts)
    onnx.save(model, path)
    return path


@pytest.fixture(scope="module")
def colour_model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("colours")
    return write_colour_model(folder / "model.onnx", network='"mean"', accuracy=0.5)


@pytest.fixture(scope="module")
def colours(colour_model):
    return Classifier(colour_model)


@pytest.fixture(scope="module")
def untrained(onnx_model):
    return Classifier(onnx_model)


def filled(*colour):
    return np.full((64, 64, 3), colour, np.uint8)


def as_numbers(prediction):
    """The probabilities by label."""
    return dict(prediction.top)


# Answers


def test_one_row_a_picture_that_sums_to_1(untrained):
    pixels = np.random.default_rng(0).integers(0, 256, (BATCH + 3, 64, 64, 3), dtype=np.uint8)
    probabilities = untrained.probabilities(pixels)
    assert probabilities.shape == (BATCH + 3, 18)
    assert probabilities.dtype == np.float32
    assert probabilities.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert (probabilities >= 0).all()


def test_no_pictures_give_no_rows(colours):
    assert colours.probabilities(np.empty((0, 64, 64, 3), np.uint8)).shape == (0, 3)
    assert list(colours.predict_all([])) == []


def test_probabilities_are_what_the_network_says(colours):
    probabilities = colours.probabilities(np.stack([filled(255, 0, 0), filled(0, 51, 102)]))
    logits = np.array([[5, 0, 0], [0, 1, 2]])
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert probabilities == pytest.approx(expected, rel=1e-5)


def test_one_picture(colours):
    prediction = colours.predict(filled(0, 51, 102))
    assert [label for label, _ in prediction.top] == ["blue_is_best", "green", "red"]
    assert prediction.label == "blue_is_best"
    assert prediction.name == "blue is best"
    assert prediction.probability == prediction.top[0][1]
    assert prediction.probability == pytest.approx(np.exp(2) / np.exp([0, 1, 2]).sum())
    assert prediction.path is None


def test_equal_probabilities_keep_the_order_of_the_labels(colours):
    prediction = colours.predict(filled(9, 9, 9))
    assert [label for label, _ in prediction.top] == list(COLOURS)


@pytest.mark.parametrize(("top", "given"), [(1, 1), (2, 2), (3, 3), (50, 3), (0, 1)])
def test_top_says_how_many_labels_are_given(colours, top, given):
    assert len(colours.predict(filled(1, 2, 3), top=top).top) == given
    [prediction] = colours.predict_all([filled(1, 2, 3)], top=top)
    assert len(prediction.top) == given


def test_the_same_pictures_get_the_same_answers_in_every_way(untrained, drawings):
    paths = sorted(drawings.rglob("*.jpg"))
    assert len(paths) > 2 * BATCH
    rows = untrained.probabilities(np.stack([load(path) for path in paths]))
    assert len({float(row[0]) for row in rows.round(5)}) > len(paths) / 2  # so order matters
    together = list(untrained.predict_all(paths, top=18))
    assert [prediction.path for prediction in together] == [str(path) for path in paths]
    for prediction, row in zip(together, rows, strict=True):
        expected = dict(zip(SLUGS, row, strict=True))
        assert as_numbers(prediction) == pytest.approx(expected, abs=2e-6)
    for path, prediction in zip(paths[::10], together[::10], strict=True):
        alone = untrained.predict(path, top=18)
        assert as_numbers(alone) == pytest.approx(as_numbers(prediction), abs=2e-6)


def test_every_kind_of_source_can_be_mixed(colours, tmp_path):
    path = tmp_path / "green.png"
    image = Image.new("RGB", (80, 50), "lime")
    image.save(path)
    with path.open("rb") as file:
        sources = [path, str(path), path.read_bytes(), file, image, np.asarray(image)]
        predictions = list(colours.predict_all(sources))
    assert [prediction.path for prediction in predictions] == [str(path)] * 2 + [None] * 4
    assert len({prediction.top for prediction in predictions}) == 1
    assert predictions[0].label == "green"


def test_fewer_threads_give_the_same_answer(onnx_model, untrained):
    picture = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    one = Classifier(onnx_model, threads=1).predict(picture)
    assert as_numbers(one) == pytest.approx(as_numbers(untrained.predict(picture)), abs=2e-6)


# Bad pictures among good ones


@pytest.mark.parametrize("count", [1, BATCH - 1, BATCH, BATCH + 1, 2 * BATCH + 6])
def test_order_is_kept_across_batches(colours, count):
    pictures = [filled(number, 0, 255 - number) for number in range(count)]
    predictions = list(colours.predict_all(pictures))
    assert len(predictions) == count
    reds = [as_numbers(prediction)["red"] for prediction in predictions]
    assert reds == pytest.approx(colours.probabilities(np.stack(pictures))[:, 0], rel=1e-5)
    assert reds == sorted(set(reds))


def test_a_bad_picture_is_a_failure_in_its_place(colours, tmp_path):
    empty = tmp_path / "empty.jpg"
    empty.touch()
    bad = {0: str(empty), 31: "missing.jpg", 32: b"bad", 40: empty, 69: Path("missing.jpg")}
    sources = [bad.get(number, filled(number, 0, 255 - number)) for number in range(70)]
    results = list(colours.predict_all(sources))
    assert {number for number, r in enumerate(results) if isinstance(r, Failure)} == set(bad)
    assert results[0] == Failure(str(empty), f"{empty}: the file is empty; fetch it again")
    missing = Failure("missing.jpg", "missing.jpg: no such file; check the path")
    assert results[31] == results[69] == missing
    assert results[32].path is None
    assert results[32].error.startswith("the bytes given: not a picture")
    assert results[40] == results[0]
    for number in set(range(70)) - set(bad):
        alone = colours.predict(sources[number])
        assert as_numbers(results[number]) == pytest.approx(as_numbers(alone), rel=1e-5)


def test_nothing_but_bad_pictures(colours):
    results = list(colours.predict_all(["missing.jpg"] * (BATCH + 8)))
    assert len(results) == BATCH + 8
    assert all(isinstance(result, Failure) for result in results)


def test_a_bad_picture_alone_raises(colours):
    with pytest.raises(ImageError, match=r"^missing\.jpg: no such file"):
        colours.predict("missing.jpg")


def test_an_endless_stream_is_read_only_a_little_ahead(colours, monkeypatch):
    monkeypatch.setattr(processors, "count", lambda: 4)  # each reads two shares ahead
    read = 0

    def stream():
        nonlocal read
        for read in itertools.count(1):
            yield filled(read % 256, 0, 0)

    answers = colours.predict_all(stream())
    assert read == 0
    for answered in range(1, 20 * BATCH):
        assert isinstance(next(answers), Prediction)
        assert answered <= read <= answered + 5 * BATCH
    answers.close()


# JSON


def test_the_json_of_a_prediction():
    prediction = Prediction("a/b.jpg", (("homer_simpson", 0.75), ("moe_szyslak", 0.25)))
    assert json.loads(json.dumps(prediction.to_json())) == {
        "path": "a/b.jpg",
        "label": "homer_simpson",
        "probability": 0.75,
        "verdict": "homer_simpson",
        "familiarity": None,
        "top": [
            {"label": "homer_simpson", "probability": 0.75},
            {"label": "moe_szyslak", "probability": 0.25},
        ],
    }
    assert prediction.name == "Homer Simpson"


def test_the_json_of_an_answer_needs_no_numpy(untrained):
    said = json.loads(json.dumps(untrained.predict(filled(1, 2, 3), top=2).to_json()))
    assert list(said) == ["path", "label", "probability", "verdict", "familiarity", "top"]
    assert said["path"] is None
    assert said["top"][0] == {"label": said["label"], "probability": said["probability"]}
    assert len(said["top"]) == 2


def test_the_json_of_a_failure():
    assert Failure("a.jpg", "why").to_json() == {"path": "a.jpg", "error": "why"}


# Model files


@pytest.mark.parametrize("given", [Path, str])
def test_a_model_is_named_by_its_path(onnx_model, given):
    classifier = Classifier(given(onnx_model))
    assert classifier.path == onnx_model
    assert classifier.labels == SLUGS
    assert classifier.metadata["network"] == "xception"


def test_a_run_folder_is_named_for_the_model_in_it(colour_model):
    classifier = Classifier(colour_model.parent)
    assert classifier.path == colour_model
    assert classifier.labels == COLOURS
    assert classifier.metadata == {"network": "mean", "accuracy": 0.5, "labels": list(COLOURS)}


def refusal(model):
    with pytest.raises(ModelError) as caught:
        Classifier(model)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("name", ["nothing.onnx", "resnet50", "Xception"])
def test_an_unknown_model(name):
    assert refusal(name) == (
        f"{name}: no such weights; use cnn, xception, cnn-int8, dolls, the path of an ONNX file, "
        "or a run folder"
    )


def test_a_folder_without_a_model(tmp_path):
    assert refusal(tmp_path).startswith(f"{tmp_path / 'model.onnx'}: no such weights; use cnn")


@pytest.mark.parametrize("content", [b"", b"no network, only words\n", b"\0" * 4096])
def test_a_file_that_is_no_onnx(tmp_path, content):
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    message = refusal(path)
    assert message.startswith(f"{path}: is not a valid ONNX file (")
    assert message.endswith("); export one with `simpsons export`")


def test_half_an_onnx_file(tmp_path, colour_model):
    path = tmp_path / "half.onnx"
    path.write_bytes(colour_model.read_bytes()[:200])
    assert refusal(path).startswith(f"{path}: is not a valid ONNX file (")


def test_a_model_without_permission(monkeypatch, colour_model):
    def deny(_path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", deny)
    assert refusal(colour_model) == f"{colour_model}: can't be read (Permission denied)"


@pytest.mark.parametrize("labels", [None, "red, green", 3, [], "null"])
def test_a_model_without_labels(tmp_path, labels):
    path = write_colour_model(tmp_path / "model.onnx", labels=labels)
    message = refusal(path)
    if labels == []:
        assert "needed are uint8 [N, 64, 64, 3] and [N, 0]" in message
    else:
        assert message.startswith(f"{path}: has no labels in its metadata; export it with")


@pytest.mark.parametrize(
    ("changes", "takes"),
    [
        ({"inputs": ("N", 32, 32, 3)}, "takes tensor(uint8) ['N', 32, 32, 3]"),
        ({"inputs": ("N", 3, 64, 64)}, "takes tensor(uint8) ['N', 3, 64, 64]"),
        ({"kind": TensorProto.FLOAT}, "takes tensor(float) ['N', 64, 64, 3]"),
        ({"labels": ["one", "two"]}, "gives ['N', 3]; needed are uint8 [N, 64, 64, 3] and [N, 2]"),
    ],
)
def test_a_model_of_another_shape(tmp_path, changes, takes):
    path = write_colour_model(tmp_path / "model.onnx", **changes)
    message = refusal(path)
    assert message.startswith(f"{path}: takes ")
    assert takes in message


LIES = {
    "no softmax": "its outputs are not probabilities, which sum to 1",
    "nan weights": "its outputs are not probabilities, which sum to 1",
    "negative": "its outputs are not probabilities, which sum to 1",
    "fixed batch": "takes tensor(uint8) [1, 64, 64, 3] and gives",
    "batch fixed inside": "can't be run on [2, 64, 64, 3] (",
    "a row too few": "gives [1, 3] for 2",
    "familiarity of another shape": "its familiarity is not one number a picture",
    "familiarity nan": "its familiarity is not one number a picture",
}


@pytest.mark.parametrize("lie", LIES)
def test_a_model_whose_answers_are_none(tmp_path, colour_model, lie):
    model = onnx.load(colour_model)
    *before, softmax = model.graph.node
    constant = numpy_helper.from_array
    if lie == "no softmax":
        softmax.CopyFrom(helper.make_node("Identity", ["logits"], ["probabilities"]))
    elif lie == "nan weights":
        model.graph.initializer[1].CopyFrom(constant(np.float32(np.nan), "scale"))
    elif lie == "negative":
        softmax.output[0] = "shares"
        model.graph.initializer.append(constant(np.float32([2, -2, 1]), "shift"))
        model.graph.node.append(helper.make_node("Add", ["shares", "shift"], ["shifted"]))
        model.graph.node.append(helper.make_node("Sub", ["shifted", "third"], ["probabilities"]))
        model.graph.initializer.append(constant(np.float32(1 / 3), "third"))
    elif lie == "fixed batch":
        model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    elif lie == "batch fixed inside":
        model.graph.initializer.append(constant(np.array([1, 64, 64, 3]), "one"))
        before[0].input[0] = "reshaped"
        model.graph.node.insert(0, helper.make_node("Reshape", ["pixels", "one"], ["reshaped"]))
    elif lie == "a row too few":
        softmax.output[0] = "all"
        model.graph.initializer.append(constant(np.array([0]), "first"))
        model.graph.node.append(helper.make_node("Gather", ["all", "first"], ["probabilities"]))
    else:
        shape = [2] if lie == "familiarity nan" else [5]
        value = np.full(shape, np.nan if lie == "familiarity nan" else 1, np.float32)
        model.graph.initializer.append(constant(value, "familiar"))
        model.graph.node.append(helper.make_node("Identity", ["familiar"], ["familiarity"]))
        model.graph.output.append(
            helper.make_tensor_value_info("familiarity", TensorProto.FLOAT, shape)
        )
    path = tmp_path / "model.onnx"
    onnx.save(model, path)
    message = refusal(path)
    assert message.startswith(f"{path}: {LIES[lie]}")
    assert "simpsons export" in message


@pytest.mark.parametrize(
    "metadata",
    [
        {"temperature": 0},
        {"temperature": "warm"},
        {"temperature": "NaN"},
        {"split": "leak-free"},
        {"recipe": [1]},
        {"figures": 0.9},
        {"network": 5},
        {"familiarity_threshold": "Infinity"},
        {"familiarity_threshold": True},
        {"labels": ["red", "green", ""]},
        {"labels": ["red", "green", "green"]},
        {"labels": ["red", "green", 3]},
        {"deep": "[" * 100_000},
    ],
)
def test_a_model_that_says_of_itself_what_can_not_be(tmp_path, metadata):
    path = write_colour_model(tmp_path / "model.onnx", **metadata)
    assert refusal(path).startswith(f"{path}: ")


def test_answers_that_are_wrong_for_some_pictures_only_are_refused_then(tmp_path, colour_model):
    model = onnx.load(colour_model)
    model.graph.node[-1].output[0] = "right"
    model.graph.initializer.append(numpy_helper.from_array(np.float32(4.9), "most"))
    model.graph.node.extend(
        [
            helper.make_node("Greater", ["logits", "most"], ["is_bright"]),
            helper.make_node("Where", ["is_bright", "logits", "right"], ["probabilities"]),
        ]
    )
    onnx.save(model, tmp_path / "model.onnx")
    classifier = Classifier(tmp_path / "model.onnx")
    assert classifier.predict(filled(100, 0, 0)).label == "red"
    with pytest.raises(ModelError, match="its outputs are not probabilities"):
        classifier.predict(filled(255, 255, 255))


@pytest.mark.parametrize(
    ("heat", "reason"),
    [
        ('"no base64!"', "its heat is not base64"),
        ("[1]", "its heat is not base64"),
        ('"AAAA"', "has an addition that can't be run"),
        ('""', "can't be run on"),  # adds nothing, so there is no such output
    ],
)
def test_heat_maps_that_can_not_be_drawn(tmp_path, heat, reason):
    classifier = Classifier(write_colour_model(tmp_path / "model.onnx", heat=heat))
    assert "heat" not in classifier.metadata
    assert classifier.predict(filled(255, 0, 0)).label == "red"
    with pytest.raises(ModelError, match=re.escape(reason)):
        classifier.class_activations(filled(255, 0, 0)[None])


@pytest.mark.parametrize("value", [np.nan, 7, -0.5])
def test_heat_that_is_not_from_0_to_1_is_refused(tmp_path, value):
    everywhere = numpy_helper.from_array(np.full((1, 3, 64, 64), value, np.float32))
    addition = onnx.ModelProto()
    addition.graph.node.append(helper.make_node("Constant", [], ["heat"], value=everywhere))
    shape = helper.make_tensor_value_info("heat", onnx.TensorProto.FLOAT, everywhere.dims)
    addition.graph.output.append(shape)
    heat = json.dumps(base64.b64encode(addition.SerializeToString()).decode())
    classifier = Classifier(write_colour_model(tmp_path / "model.onnx", heat=heat))
    with pytest.raises(ModelError, match="gives heat that is not from 0 to 1"):
        classifier.class_activations(filled(255, 0, 0)[None])


# Start


def test_importing_the_package_imports_nothing_heavy():
    code = f"import simpsons, sys; print([name for name in {HEAVY} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"
