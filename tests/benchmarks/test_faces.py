import numpy as np
import pytest
from PIL import Image, ImageDraw

from benchmarks import faces
from simpsons import Detector
from simpsons.classifier import Prediction
from simpsons.dataset.boxes import Box
from simpsons.detector import Face, FoundFaces
from simpsons.evaluation.detection import Outcome


def face(familiarity=0.0, score=0.9, label="homer_simpson"):
    return Face((0, 0, 10, 10), score, Prediction(None, ((label, 0.8),), familiarity, 0.0))


def box(width, height):
    return Box("a.jpg", 5, 5, 5 + width, 5 + height, "homer_simpson")


def test_strangers_with_a_name_are_those_above_the_threshold():
    share = faces.named([face(0.1), face(0.0), face(-0.1), face(-5)])
    assert (share.count, share.of) == (2, 4)
    assert faces.named([]).value is None


def test_strangers_named_where_a_share_of_the_known_is_kept():
    known = [face(value) for value in range(100)]
    strange = [face(value) for value in (-1.0, 4.0, 5.0, 50.0)]
    assert faces.at_kept(known, strange, 0.95).count == 3
    assert faces.at_kept(known, strange, 0.90).count == 1
    assert faces.at_kept(known, known, 0.95).count >= 95


def test_recall_is_by_the_longer_side_of_the_box():
    outcomes = [
        Outcome("a.jpg", box(10, 23), face()),
        Outcome("a.jpg", box(10, 23.9), None),
        Outcome("a.jpg", box(24, 10), face()),
        Outcome("a.jpg", box(60, 95), None),
        Outcome("a.jpg", box(200, 96), face()),
        Outcome("a.jpg", None, face()),  # no face is there
    ]
    shares = [(share.count, share.of) for share in faces.by_size(outcomes)]
    assert shares == [(1, 2), (1, 1), (0, 1), (1, 1)]
    assert [share.of for share in faces.by_size([])] == [0, 0, 0, 0]


def test_a_face_is_alone_if_no_other_is_as_sure():
    def found(*scores):
        count = len(scores)
        boxes, crops = np.zeros((count, 4), np.float32), np.zeros((count, 64, 64, 3), np.uint8)
        return FoundFaces(100, 80, boxes, np.array(scores, np.float32), crops)

    pictures = [found(0.9, 0.3), found(0.9, 0.8), found(), found(0.3)]
    chosen = faces.alone(pictures, 0.5)
    assert [one.scores.tolist() for one in chosen] == [pytest.approx([0.9])]
    assert [len(one.boxes) for one in chosen] == [len(one.crops) for one in chosen] == [1]


@pytest.fixture
def pictures(tmp_path):
    paths = []
    for number, count in enumerate((2, 0, 1)):
        picture = Image.new("RGB", (120, 90), (0, 255, 0))
        for place in range(count):
            corners = (10 + 50 * place, 20, 39 + 50 * place, 59)
            ImageDraw.Draw(picture).rectangle(corners, (255, 0, 200))
        paths.append(tmp_path / f"{number}.png")
        picture.save(paths[-1])
    return paths


def test_kept_faces_are_those_that_were_found(tmp_path, pictures, write_spots, onnx_model):
    spots = write_spots(task="faces", threshold=0.5, longest_side=120)
    detector = Detector(spots, onnx_model)
    found = faces.find(detector, pictures, "pictures", tmp_path / "kept")
    assert [len(one.boxes) for one in found] == [2, 0, 1]
    detector._network = None  # it is not asked again
    again = faces.find(detector, pictures, "pictures", tmp_path / "kept")
    for one, other in zip(found, again, strict=True):
        assert (one.width, one.height) == (other.width, other.height)
        assert all(np.array_equal(a, b) for a, b in zip(one[2:], other[2:], strict=True))
    named = faces.name_all(detector.names, again)
    assert [len(each) for each in named] == [2, 0, 1]
    assert named[0][0].box == pytest.approx(tuple(found[0].boxes[0]))
