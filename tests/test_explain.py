import json
from itertools import chain

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image

from simpsons import explain
from simpsons.classifier import Classifier, ModelError
from simpsons.dataset import boxes
from simpsons.dataset import split as splits
from simpsons.pixels import images

QUADRANTS = [(0, 0), (0, 1), (1, 0), (1, 1)]


def looks_at(quadrant, path):
    """A classifier for which `bright` is how bright one quadrant is; it has no maps of its own."""
    y, x = (32 * side for side in quadrant)
    value, tensor = helper.make_tensor_value_info, helper.make_tensor
    nodes = [
        helper.make_node("Cast", ["pixels"], ["values"], to=TensorProto.FLOAT),
        helper.make_node("Slice", ["values", "start", "end", "axes"], ["part"]),
        helper.make_node("ReduceMean", ["part", "all"], ["mean"], keepdims=0),
        helper.make_node("Div", ["mean", "scale"], ["bright"]),
        helper.make_node("Unsqueeze", ["bright", "last"], ["column"]),
        helper.make_node("Neg", ["column"], ["dark"]),
        helper.make_node("Concat", ["column", "dark"], ["logits"], axis=1),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    constants = {"start": [y, x], "end": [y + 32, x + 32], "axes": [1, 2], "all": [1, 2, 3]}
    graph = helper.make_graph(
        nodes,
        "quadrant",
        [value("pixels", TensorProto.UINT8, ["N", 64, 64, 3])],
        [value("probabilities", TensorProto.FLOAT, ["N", 2])],
        [tensor(name, TensorProto.INT64, [len(each)], each) for name, each in constants.items()]
        + [tensor("last", TensorProto.INT64, [1], [1])]
        + [tensor("scale", TensorProto.FLOAT, [], [100.0])],
    )
    model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 18)])
    helper.set_model_props(model, {"labels": json.dumps(["bright", "dark"])})
    onnx.save(model, path)
    return Classifier(path)


@pytest.fixture(scope="module")
def classifier(onnx_model):
    return Classifier(onnx_model, threads=1)


@pytest.fixture(scope="module")
def pixels(drawings):
    return images.load(sorted(drawings.rglob("*.jpg"))[0])


@pytest.mark.parametrize("quadrant", QUADRANTS)
def test_a_file_without_maps_is_explained_by_what_it_looks_at(quadrant, tmp_path):
    classifier = looks_at(quadrant, tmp_path / "quadrant.onnx")
    white = np.full((64, 64, 3), 255, np.uint8)
    assert classifier.class_activations(white[None]) is None
    heat = explain.heat_map(classifier, white)
    row, column = np.unravel_index(heat.argmax(), heat.shape)
    assert (row // 32, column // 32) == quadrant
    y, x = (32 * side for side in quadrant)
    assert heat[y : y + 32, x : x + 32].sum() > 0.6 * heat.sum()
    opposite = tuple(60 * (1 - side) for side in quadrant)
    assert heat[opposite] == 0
    assert explain.heat_map(classifier, white, "dark").max() == 0


def test_the_map_is_of_the_picture_and_of_the_class(classifier, pixels):
    heat = explain.heat_map(classifier, pixels)
    assert heat.shape == (64, 64)
    assert heat.dtype == np.float32
    assert heat.min() >= 0
    assert heat.max() == pytest.approx(1)
    best = classifier.labels[classifier.probabilities(pixels[None])[0].argmax()]
    assert (explain.heat_map(classifier, pixels, best) == heat).all()
    other = explain.heat_map(classifier, pixels, next(x for x in classifier.labels if x != best))
    assert abs(other - heat).max() > 0.1
    assert abs(explain.heat_map(classifier, pixels[:, ::-1], best) - heat).max() > 0.1


def test_where_one_layer_has_no_evidence_the_answer_is_explained_by_occlusion():
    dolls, white = Classifier("dolls"), np.full((64, 64, 3), 255, np.uint8)
    best = int(dolls.probabilities(white[None])[0].argmax())
    assert not dolls.class_activations(white[None])[0, best].any()
    assert (explain.heat_map(dolls, white) == explain.occlusion(dolls, white, best)).all()


def test_a_label_that_is_not_known_is_named(classifier, pixels):
    with pytest.raises(ModelError, match="does not know itchy; ask for abraham_grampa_simpson,"):
        explain.heat_map(classifier, pixels, "itchy")


def test_asking_for_maps_does_not_change_the_answer(classifier, pixels):
    before = classifier.probabilities(pixels[None])
    classifier.class_activations(pixels[None])
    assert (classifier.probabilities(pixels[None]) == before).all()


@pytest.mark.parametrize("size", [(1, 1), (7, 200), (640, 480)])
def test_an_overlay_is_as_large_as_the_picture(size):
    picture = Image.new("RGB", size, "teal")
    drawn = explain.overlay(picture, np.ones((64, 64), np.float32))
    assert (drawn.size, drawn.mode) == (size, "RGB")
    assert picture.getpixel((0, 0)) == (0, 128, 128)


def test_an_array_and_a_grey_picture_will_do(pixels):
    heat = np.zeros((64, 64), np.float32)
    of_array = np.asarray(explain.overlay(pixels, heat))
    assert (of_array == np.asarray(explain.overlay(Image.fromarray(pixels), heat))).all()
    assert explain.overlay(Image.fromarray(pixels).convert("L"), heat).mode == "RGB"


def test_a_photograph_is_turned_upright_as_its_answer_was():
    lying = Image.new("RGB", (200, 100))
    lying.getexif()[0x0112] = 6  # the camera was turned
    assert explain.overlay(lying, np.zeros((64, 64), np.float32)).size == (100, 200)


def test_the_heat_lies_where_it_belongs_and_is_bright():
    heat = np.zeros((64, 64), np.float32)
    heat[8:24, 40:56] = 1
    picture = Image.new("RGB", (320, 160), (120, 120, 120))
    light = np.asarray(explain.overlay(picture, heat).convert("L"), int)
    row, column = np.unravel_index(light.argmax(), light.shape)
    assert 20 <= row < 60
    assert 200 <= column < 280
    assert light[40, 240] > light[120, 80] + 50


def test_the_heat_of_a_picture_in_bars_lies_inside_them():
    picture = Image.new("RGB", (320, 160), (120, 120, 120))
    plain = explain.overlay(picture, np.zeros((64, 64), np.float32))
    drawn = explain.overlay(picture, np.ones((64, 64), np.float32), (0.25, 0.125, 0.75, 1.0))
    changed = (np.asarray(drawn) != np.asarray(plain)).any(axis=2)
    assert changed[20:, 80:240].all()
    assert changed.sum() == 140 * 160


def test_more_heat_is_never_darker():
    ramp = np.tile(np.linspace(0, 1, 64, dtype=np.float32), (64, 1))
    light = np.asarray(explain.overlay(Image.new("RGB", (64, 64), "grey"), ramp).convert("L"), int)
    assert (np.diff(light[32]) >= -1).all()
    assert light[32, -1] > light[32, 0] + 60


@pytest.mark.parametrize("heat", [0, 0.3, 1])
def test_the_picture_stays_recognisable(pixels, heat):
    drawn = explain.overlay(pixels, np.full((64, 64), heat, np.float32))
    before, after = (np.asarray(Image.fromarray(pixels).convert("L")), drawn.convert("L"))
    assert np.corrcoef(before.ravel(), np.asarray(after).ravel())[0, 1] > 0.9
    assert np.asarray(after).std() > 0.3 * before.std()


@pytest.mark.parametrize("network", ["cnn", "xception"])
def test_the_hottest_point_finds_characters_that_are_not_in_the_middle(
    network, real_data, real_dataset
):
    classifier = Classifier(network, threads=1)
    assert classifier.class_activations(real_dataset.images[:1]) is not None
    row_of = {path: row for row, path in enumerate(real_dataset.paths)}
    held_out = set(splits.shipped_rows(real_dataset, "validation").tolist())
    found = []
    for box in chain.from_iterable(boxes.read(real_data, real_data).pictures.values()):
        row = row_of.get(box.path, -1)
        if row in held_out:
            width, height = real_dataset.sizes[row]
            sides = np.array(box.corners) / [width, height, width, height]
            if not (sides[0] <= 0.5 < sides[2] and sides[1] <= 0.5 < sides[3]):
                found.append((row, box.name, sides))
    inside = 0
    for row, character, (left, top, right, bottom) in found[:100]:
        heat = explain.heat_map(classifier, np.asarray(real_dataset.images[row]), character)
        y, x = (np.array(np.unravel_index(heat.argmax(), heat.shape)) + 0.5) / images.SIZE
        inside += left <= x < right and top <= y < bottom
    assert len(found) >= 100
    assert inside > 55  # the middle is in none of these boxes, and they cover 15 % of the pictures
