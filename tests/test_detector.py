import io
import itertools
import json

import numpy as np
import onnx
import pytest
from onnx import helper
from PIL import Image

from simpsons import (
    Classifier,
    Detection,
    Detector,
    Face,
    Failure,
    ModelError,
    Prediction,
    processors,
)
from simpsons.classifier import BATCH, model_path
from simpsons.demo.drawings import DOLLS
from simpsons.demo.groups import draw_scene
from simpsons.detector import _is_part
from simpsons.errors import SimpsonsError
from simpsons.pixels import images
from simpsons.pixels.images import ImageError

SHAPE = (240, 320)  # the longer side is what the detector of the tests looks at


@pytest.fixture(scope="module")
def names(spot_names):
    return Classifier(spot_names, threads=1)


@pytest.fixture(scope="module")
def detector(spots, names):
    return Detector(spots, names, threads=1)


def picture(*spots, shape=SHAPE, ground=255):
    """Red spots on white; spots: x1, y1, x2, y2, and how blue, which is the score, 0 to 1."""
    pixels = np.full((*shape, 3), ground, np.uint8)
    for x1, y1, x2, y2, *blue in spots:
        pixels[y1:y2, x1:x2] = (255, 0, round(255 * blue[0]) if blue else 255)
    return pixels


def enlarged(pixels, factor):
    return pixels.repeat(factor, axis=0).repeat(factor, axis=1)


def encoded(pixels, kind="PNG", **options):
    file = io.BytesIO()
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(file, kind, **options)
    return file.getvalue()


def found(detector, source):
    return [face.box for face in detector.detect(source).faces]


# Where faces are


def test_boxes_and_scores_are_what_the_network_says(detector):
    boxes, scores = detector.boxes(picture((10, 20, 40, 60), (200, 100, 221, 131, 0.8)))
    assert boxes.tolist() == [[10, 20, 40, 60], [200, 100, 221, 131]]
    assert scores == pytest.approx([1, 0.8])
    assert (boxes.dtype, scores.dtype) == (np.float32, np.float32)


def test_a_picture_without_a_face(detector):
    boxes, scores = detector.boxes(picture())
    assert (boxes.shape, scores.shape) == ((0, 4), (0,))
    assert detector.detect(picture()) == Detection(None, ())
    assert list(detector.detect_all([picture()] * 3)) == [Detection(None, ())] * 3


def test_the_surest_is_first_and_equally_sure_ones_keep_their_order(detector):
    spots = [(x, 100, x + 20, 120, sure) for x, sure in ((10, 0.6), (90, 1), (170, 0.8), (250, 1))]
    _, scores = detector.boxes(picture(*spots))
    assert scores == pytest.approx([1, 1, 0.8, 0.6])
    assert [box[0] for box in found(detector, picture(*spots))] == [90, 250, 170, 10]


@pytest.mark.parametrize(("minimum", "count"), [(None, 2), (0, 3), (0.9, 1), (1, 1), (0.2, 3)])
def test_only_sure_enough_ones_count(spots, names, minimum, count):
    detector = Detector(spots, names, threads=1, minimum=minimum)
    assert detector.minimum == (0.5 if minimum is None else minimum)
    row = picture((10, 10, 40, 40), (90, 10, 120, 40, 0.6), (170, 10, 200, 40, 0.3))
    assert len(detector.boxes(row)[0]) == count


@pytest.mark.parametrize("minimum", [-0.1, 1.5, float("nan"), "high", True])
def test_a_minimum_that_is_no_score(spots, names, minimum):
    with pytest.raises(SimpsonsError, match=r"the minimum is .*; give a score from 0 to 1"):
        Detector(spots, names, minimum=minimum)


@pytest.mark.parametrize(
    "box", [(0, 0, 30, 30), (290, 210, 320, 240), (0, 100, 9, 130), (0, 0, 320, 240)]
)
def test_a_face_at_the_border(detector, box):
    [only] = detector.detect(picture(box)).faces
    assert only.box == box


@pytest.mark.parametrize("factor", [2, 3, 6])
def test_boxes_are_in_pixels_of_the_picture_whatever_its_size(detector, factor):
    spots = [(10, 20, 40, 60), (290, 210, 320, 240)]
    large = enlarged(picture(*spots), factor)
    for source in (large, Image.fromarray(large), encoded(large, compress_level=1)):
        boxes = np.array(found(detector, source))
        assert boxes == pytest.approx(factor * np.array(spots), abs=factor / 2)
        assert (boxes[:, 2:] <= large.shape[1::-1]).all()
    assert np.allclose(detector.boxes(large)[0], factor * np.array(spots), atol=factor / 2)


@pytest.mark.parametrize("bars", [(0, 90), (80, 0), (60, 200)])
@pytest.mark.parametrize("colour", [0, 255, (30, 90, 160)])
def test_faces_inside_bars_are_as_large_as_without_and_their_boxes_in_the_whole(
    detector, bars, colour
):
    ground = np.random.default_rng(0).integers(140, 210, (6, 8, 3), dtype=np.uint8)
    inside = enlarged(ground, 40)
    inside[100:130, 40:70] = inside[100:112, 200:212] = (255, 0, 255)
    alone = np.array(found(detector, inside))
    across, down = bars
    picture = np.full((240 + 2 * down, 320 + 2 * across, 3), colour, np.uint8)
    picture[down : down + 240, across : across + 320] = inside
    assert len(alone) == 2
    assert found(detector, picture) == pytest.approx(alone + [across, down] * 2, abs=0.6)


@pytest.mark.parametrize("size", [(1, 1), (20, 3), (3, 20), (10_000, 10), (10, 10_000)])
@pytest.mark.parametrize("ground", [255, (255, 0, 255)])
def test_pictures_of_any_shape(detector, size, ground):
    width, height = size
    boxes = found(detector, picture(shape=(height, width), ground=ground))
    if ground == 255:
        assert boxes == []
    else:
        assert boxes == [(0, 0, width, height)]


def test_small_faces_of_a_crowd_are_all_found_and_named_in_batches(detector, names, monkeypatch):
    boxes = [(x, y, x + 10, y + 10) for y in range(4, 230, 22) for x in range(4, 310, 16)]
    boxes = boxes[:200]
    sizes = []
    run = Classifier._run
    monkeypatch.setattr(
        Classifier,
        "_run",
        lambda self, s, pixels: sizes.append(len(pixels)) or run(self, s, pixels),
    )
    crowd = enlarged(picture(*boxes), 2)  # so that each is of 20 pixels
    for detection in (detector.detect(crowd), *detector.detect_all([crowd])):
        assert {face.box for face in detection.faces} == {
            tuple(2 * edge for edge in box) for box in boxes
        }
    assert sum(sizes) == 2 * len(boxes)
    assert max(sizes) <= BATCH


# Whose they are


def test_a_face_is_named_by_what_is_around_it(detector):
    pixels = picture()
    for x, colour in ((0, (0, 255, 0)), (120, (0, 0, 255))):
        pixels[60:180, x : x + 90] = colour
    for x in (30, 150, 260):
        pixels[105:135, x : x + 30] = (255, 0, 255 - x // 3)
    homer, marge, stranger = detector.detect(pixels, top=2).faces
    assert (homer.label, homer.verdict, homer.name) == ("homer_simpson",) * 2 + ("Homer Simpson",)
    assert (marge.label, marge.verdict) == ("marge_simpson",) * 2
    assert stranger.verdict == "unknown"
    assert stranger.label == "bart_simpson"
    assert homer.probability == homer.prediction.top[0][1] > 0.9
    assert len(homer.prediction.top) == 2
    crop = images.crop_around(pixels, homer.box)
    assert [homer.prediction] == detector.names.predict_pixels(crop[None], top=2)


def test_naming_with_one_core_or_all_gives_the_same(detector):
    pixels = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
    one = detector.names.predict_faces(pixels, 2, on_one_core=True)
    assert one == detector.names.predict_faces(pixels, 2)
    assert one == [detector.names.predict(each, 2) for each in pixels]
    assert detector.names.predict_faces(pixels[:0]) == []


def test_json(detector, tmp_path):
    path = tmp_path / "one.png"
    path.write_bytes(encoded(picture((10, 20, 40, 60))))
    said = json.loads(json.dumps(detector.detect(path, top=2).to_json()))
    assert set(said) == {"path", "faces"}
    assert said["path"] == str(path)
    [face] = said["faces"]
    assert list(face) == ["box", "score", "label", "probability", "verdict", "top"]
    assert face["box"] == [10, 20, 40, 60]
    assert face["score"] == 1
    assert face["top"][0] == {"label": face["label"], "probability": face["probability"]}
    assert len(face["top"]) == 2
    prediction = Prediction(None, (("homer_simpson", 0.75),), 1.0, 2.0)
    face = Face((1.26, 0.0, 3.0, 4.04), 0.5, prediction)
    assert face.to_json()["box"] == [1.3, 0, 3, 4]
    assert face.to_json()["verdict"] == "unknown"


# Every kind of picture


def test_boxes_are_those_of_the_picture_as_it_is_shown(detector):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned to the right
    for factor in (1, 6):
        pixels = enlarged(picture((10, 20, 40, 60)), factor)
        turned = encoded(np.rot90(pixels), "JPEG", quality=95, subsampling=0, exif=exif)
        [box] = found(detector, turned)
        assert box == pytest.approx(
            [10 * factor, 20 * factor, 40 * factor, 60 * factor], abs=factor
        )


@pytest.mark.parametrize("mode", ["L", "CMYK", "P", "RGBA"])
def test_pictures_of_other_modes(detector, mode):
    image = Image.fromarray(picture((10, 20, 40, 60))).convert(mode)
    boxes = found(detector, encoded(image, "TIFF"))
    assert boxes == ([] if mode == "L" else [(10, 20, 40, 60)])


def test_a_large_picture_is_decoded_smaller_and_answered_alike(detector):
    spots = [(10, 20, 40, 60), (290, 210, 320, 240)]
    large = enlarged(picture(*spots), 8)
    answer = detector.find(encoded(large, "JPEG", quality=90, subsampling=0))
    assert (answer.width, answer.height) == large.shape[1::-1]
    assert answer.boxes == pytest.approx(8 * np.array(spots), abs=4)
    for crop, box in zip(answer.crops, answer.boxes.tolist(), strict=True):
        exact = images.crop_around(large, box)
        assert np.abs(exact.astype(int) - crop).mean() < 4


def test_80_megapixels(detector):
    image = Image.new("RGB", (10_000, 8_000), "white")
    image.paste((255, 0, 255), (9_000, 5_000, 10_000, 8_000))
    [box] = found(detector, encoded(image, "JPEG", quality=30))
    assert box == pytest.approx((9_000, 5_000, 10_000, 8_000), abs=32)  # a pixel as it is seen


# Many pictures


def test_all_give_the_same_as_one_by_one(detector, tmp_path):
    paths = []
    for number in range(11):
        paths.append(tmp_path / f"{number}.png")
        spots = [
            (10 + 60 * place, 9 * number, 40 + 60 * place, 9 * number + 30)
            for place in range(number % 4)
        ]
        paths[-1].write_bytes(encoded(picture(*spots)))
    together = list(detector.detect_all(paths))
    assert [one.path for one in together] == list(map(str, paths))
    assert [len(one.faces) for one in together] == [number % 4 for number in range(11)]
    assert together == [detector.detect(path) for path in paths]


def test_a_bad_picture_is_a_failure_in_its_place(detector, tmp_path):
    empty = tmp_path / "empty.jpg"
    empty.touch()
    good = picture((10, 20, 40, 60))
    bad = {0: "missing.jpg", 5: b"bad", 7: empty}
    results = list(detector.detect_all([bad.get(number, good) for number in range(9)]))
    assert [isinstance(result, Failure) for result in results] == [n in bad for n in range(9)]
    assert results[0] == Failure("missing.jpg", "missing.jpg: no such file; check the path")
    assert results[5].error.startswith("the bytes given: not a picture")
    assert results[7] == Failure(str(empty), f"{empty}: the file is empty; fetch it again")
    assert all(len(results[number].faces) == 1 for number in set(range(9)) - set(bad))
    assert list(detector.detect_all([])) == []
    with pytest.raises(ImageError, match=r"^missing\.jpg: no such file"):
        detector.detect("missing.jpg")


def test_an_endless_stream_is_read_only_a_little_ahead(detector, monkeypatch):
    monkeypatch.setattr(processors, "count", lambda: 2)
    read, small = 0, picture((10, 20, 40, 60), shape=(60, 80))

    def stream():
        nonlocal read
        for number in itertools.count(1):
            read = number
            yield small

    answers = detector.detect_all(stream())
    assert read == 0
    for answered in range(1, 40):
        assert len(next(answers).faces) == 1
        assert answered <= read <= answered + 16
    answers.close()


def test_what_a_stream_raises_is_raised(detector):
    def stream():
        yield picture()
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError, match="the source broke"):
        list(detector.detect_all(stream()))


# Several sizes


def test_a_picture_is_looked_at_in_each_size_that_it_has(write_spots, names, monkeypatch):
    detector = Detector(write_spots(longest_sides=[640, 160]), names, threads=1)
    assert detector.sides == (160, 640)
    looks = []
    look = Detector._look
    monkeypatch.setattr(
        Detector, "_look", lambda self, s, p, side: looks.append(side) or look(self, s, p, side)
    )
    spots = [(16, 32, 80, 96), (400, 200, 464, 232, 0.7)]
    large = picture(*spots, shape=(480, 640))
    assert found(detector, large) == [box[:4] for box in spots]
    assert looks == [160, 640]
    assert len(found(detector, large[:, :639])) == 2
    assert looks[2:] == [160]
    assert found(detector, picture(shape=(20, 30))) == []
    assert looks[3:] == [160]


def test_faces_that_only_a_larger_size_shows_are_found(write_spots, names):
    crowd = [(x, 40, x + 4, 44) for x in range(10, 600, 12)]
    large = picture(*crowd, (100, 200, 300, 400), shape=(480, 640))
    large[40:44, 10:600:2] = 255  # stripes that melt into the ground
    one = Detector(write_spots(longest_side=80), names, threads=1)
    both = Detector(write_spots(longest_sides=[80, 640]), names, threads=1)
    assert len(found(one, large)) == 1
    assert len(found(both, large)) > 50


def test_what_lies_in_a_surer_face_is_a_part_of_it():
    boxes = np.array([(0, 0, 100, 100), (10, 10, 30, 30), (50, 50, 70, 70), (90, 40, 130, 80)])
    scores = np.array([0.9, 0.3, 0.6, 0.2], np.float32)
    part = _is_part(boxes.astype(np.float32), scores)
    assert part.tolist() == [False, True, False, False]
    assert _is_part(np.empty((0, 4), np.float32), np.empty(0, np.float32)).shape == (0,)


# Detector files


def refusal(*arguments):
    with pytest.raises(ModelError) as caught:
        Detector(*arguments)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_run_folder_and_metadata(spots, names):
    detector = Detector(spots.parent, names)
    assert detector.path == spots
    assert detector.metadata == {"task": "faces", "threshold": 0.5, "longest_side": 320}
    assert detector.sides == (320,)
    assert detector.names is names


def test_the_network_that_names_is_opened_by_its_name(spots, spot_names):
    detector = Detector(spots, spot_names)
    assert detector.names.labels == ("bart_simpson", "homer_simpson", "marge_simpson")
    assert "nothing.onnx: no such weights; use cnn, xception" in refusal(spots, "nothing.onnx")


def test_a_file_that_is_missing_or_no_onnx(tmp_path):
    assert refusal("resnet") == (
        "resnet: no such weights; use faces, the path of an ONNX file, or a run folder"
    )
    (tmp_path / "words.onnx").write_text("words")
    message = refusal(tmp_path / "words.onnx")
    assert message.startswith(f"{tmp_path / 'words.onnx'}: is not a valid ONNX file (")
    assert message.endswith("use faces, or train a detector with `simpsons train --model faces`")
    (tmp_path / "config.json").write_text("{}")
    assert "its training is unfinished" in refusal(tmp_path)


def test_a_classifier_is_no_detector_and_the_reverse(spots):
    assert refusal(model_path("cnn-int8")).endswith(
        "cnn-int8.onnx: names pictures and finds no faces; use faces or another detector here, and "
        "this file for `simpsons detect --model`"
    )
    with pytest.raises(ModelError) as caught:
        Classifier(spots)
    assert str(caught.value) == (
        f"{spots}: finds faces and names nobody; use cnn, xception, cnn-int8, dolls or another "
        "classifier here, and this file for `simpsons detect --faces`"
    )


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"task": None}, "does not say that it finds faces; use faces, or train"),
        ({"task": "boats"}, "does not say that it finds faces"),
        ({"threshold": None}, "its threshold is None, no score from 0 to 1"),
        ({"threshold": "high"}, "its threshold is 'high', no score"),
        ({"threshold": 50}, "its threshold is 50, no score"),
        ({"threshold": float("nan")}, "its threshold is nan, no score"),
        ({"stranger_threshold": 5}, "its threshold of strangers is 5, no score"),
        ({"longest_side": None}, r"longest sides of its pictures are \[None\], not whole numbers"),
        ({"longest_side": 1e9}, "not whole numbers from 32 to 4096"),
        ({"longest_side": 8}, "not whole numbers from 32 to 4096"),
        ({"longest_sides": []}, r"are \[\], not whole numbers"),
        ({"longest_sides": 320}, "are 320, not whole numbers"),
        ({"longest_sides": [320, "640"]}, "not whole numbers"),
    ],
)
def test_a_file_that_says_what_can_not_be(write_spots, names, said, message):
    path = write_spots(**said)
    with pytest.raises(ModelError, match=message) as caught:
        Detector(path, names)
    assert str(caught.value).startswith(f"{path}: ")


def test_a_file_of_another_shape(write_spots, names, tmp_path):
    model = onnx.load(write_spots())
    del model.graph.output[1]
    onnx.save(model, tmp_path / "model.onnx")
    message = refusal(tmp_path, names)
    assert "takes tensor(uint8) ['N', 'H', 'W', 3] and gives boxes, picture; needed are" in message
    classifier = onnx.load(model_path("cnn-int8"))
    helper.set_model_props(classifier, {"task": '"faces"', "threshold": "0.5"})
    onnx.save(classifier, tmp_path / "model.onnx")
    assert "needed are uint8 [N, H, W, 3] and boxes, scores, picture" in refusal(tmp_path, names)


# The detector in the package


@pytest.mark.parametrize(
    ("output", "value", "message"),
    [
        ("scores", [np.nan], "its scores are not from 0 to 1"),
        ("scores", [5.3], "its scores are not from 0 to 1"),
        ("scores", [0.5, 0.5], r"gives boxes \[1, 4\] and scores \[2\]"),
        ("boxes", [[1, 2, 3]], r"gives boxes \[1, 3\] and scores \[1\]"),
    ],
)
def test_a_detector_whose_answers_are_none(doll_faces, names, tmp_path, output, value, message):
    model = onnx.load(doll_faces)
    [node] = (node for node in model.graph.node if node.output[0] == output)
    node.CopyFrom(onnx.helper.make_node("Identity", ["lie"], [output]))
    lie = onnx.numpy_helper.from_array(np.array(value, np.float32), "lie")
    model.graph.initializer.append(lie)
    for each in model.graph.output:
        each.type.tensor_type.ClearField("shape")
    onnx.save(model, tmp_path / "model.onnx")
    with pytest.raises(ModelError, match=rf"^{tmp_path / 'model.onnx'}: {message}"):
        Detector(tmp_path / "model.onnx", names)


def test_the_shipped_detector_finds_the_faces_of_dolls():
    detector = Detector(threads=1)
    hits = []
    for number in range(4):
        people = DOLLS[3 * number : 3 * number + 3]
        scene, boxes = draw_scene(people, np.random.default_rng(number))
        found_here = found(detector, scene)
        for left, top, right, bottom, *_ in boxes:
            x, y = (left + right) / 2, (top + bottom) / 2
            hits.append(any(x1 < x < x2 and y1 < y < y2 for x1, y1, x2, y2 in found_here))
    assert len(hits) == 12
    assert sum(hits) >= 10


@pytest.mark.parametrize(
    ("longest", "looked_at"), [(100, [288]), (310, [310]), (400, [400]), (512, [512]), (900, [563])]
)
def test_a_detector_that_looks_once_does_so_in_the_size_of_the_picture(
    write_spots, names, monkeypatch, longest, looked_at
):
    twice = Detector(write_spots(longest_sides=[320, 512]), names)
    sides = []
    look = Detector._look
    monkeypatch.setattr(
        Detector, "_look", lambda *given: [sides.append(given[-1]), look(*given)][1]
    )
    picture = np.zeros((longest // 2, longest, 3), np.uint8)
    twice.once().boxes(picture)
    assert sides == looked_at
    assert twice.sides == twice.once().sides == (320, 512)


def test_strangers_need_a_score_of_their_own(write_spots, names, monkeypatch):
    path = write_spots(threshold=0.3, stranger_threshold=0.8)
    pixels = picture((20, 20, 60, 60, 0.4), (120, 20, 160, 60, 0.6), (220, 20, 260, 60, 0.9))

    def verdicts(detector):
        named = [Prediction(None, ((name, 0.9),)) for name in ("unknown", "dot", "unknown")]

        def predict_faces(crops, top, **_):
            return named[: len(crops)]

        monkeypatch.setattr(names, "predict_faces", predict_faces)
        one = detector.detect(pixels)
        [same] = detector.detect_all([pixels])
        assert same == one
        return [(face.verdict, round(face.score, 1)) for face in one.faces]

    assert verdicts(Detector(path, names)) == [("unknown", 0.9), ("dot", 0.6)]
    everyone = [("unknown", 0.9), ("dot", 0.6), ("unknown", 0.4)]
    assert verdicts(Detector(path, names).once()) == everyone
    assert verdicts(Detector(path, names, minimum=0.3)) == everyone
