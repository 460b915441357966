import io
import json

import numpy as np
import pytest
from PIL import Image

from simpsons import Classifier, Detector, Failure, ModelError
from simpsons.predictor import ByFaces, Predictor


@pytest.fixture(scope="module")
def names(spot_names):
    return Classifier(spot_names, threads=1)


@pytest.fixture(scope="module")
def predictor(spots, names):
    return Predictor(names, Detector(spots, names, threads=1))


def scene(*people, ground=255):
    """640x480; people: what is around a face, from the left, and how blue it is, 0 to 255."""
    pixels = np.full((480, 640, 3), ground, np.uint8)
    pixels[:60] = pixels[:60] // 2  # bars would be taken off
    for place, (colour, blue) in enumerate(people):
        x = 20 + 150 * place
        pixels[150:300, x : x + 140] = colour
        pixels[205:245, x + 50 : x + 90] = (255, 0, blue)
    return pixels


HOMER, MARGE, GREY = (0, 255, 0), (0, 0, 255), (200, 200, 200)


def test_the_whole_picture_answers_where_somebody_is_known(predictor, names):
    pixels = scene((MARGE, 255), ground=(0, 255, 0))
    answer = predictor.predict(pixels)
    assert answer == names.predict(pixels)
    assert answer.verdict == "homer_simpson"
    assert not isinstance(answer, ByFaces)


def test_where_nobody_is_known_the_surest_named_face_answers(predictor, names):
    pixels = scene((HOMER, 200), (MARGE, 255), (GREY, 255), (HOMER, 180))
    assert names.predict(pixels).verdict == "unknown"
    answer = predictor.predict(pixels, top=2)
    assert isinstance(answer, ByFaces)
    surest = max(
        (face for face in answer.faces if face.verdict != "unknown"),
        key=lambda face: face.probability * face.score,
    )
    assert answer.verdict == answer.label == surest.label
    assert answer.probability == surest.probability
    assert answer.familiarity == surest.prediction.familiarity
    assert len(answer.top) == 2
    assert sorted(answer.names) == ["Homer Simpson", "Marge Simpson"]
    assert answer.names[0] == answer.name
    assert len(answer.faces) == 4
    said = json.loads(json.dumps(answer.to_json()))
    assert list(said) == ["path", "label", "probability", "verdict", "familiarity", "top", "faces"]
    assert [face["verdict"] for face in said["faces"]].count("unknown") == 1


@pytest.mark.parametrize("people", [(), ((GREY, 255), (GREY, 200))])
def test_nobody_and_strangers_stay_unknown(predictor, names, people):
    pixels = scene(*people)
    assert predictor.predict(pixels) == names.predict(pixels)
    assert predictor.predict(pixels).verdict == "unknown"


def test_all_give_the_same_as_one_by_one(predictor, tmp_path):
    scenes = [scene(), scene((HOMER, 255), (MARGE, 220)), scene(ground=(0, 0, 255))]
    paths = []
    for number in range(20):
        paths.append(tmp_path / f"{number}.png")
        Image.fromarray(scenes[number % 3]).save(paths[-1], compress_level=1)
    paths.insert(4, "missing.jpg")
    answers = list(predictor.predict_all(paths, top=2))
    assert answers.pop(4) == Failure("missing.jpg", "missing.jpg: no such file; check the path")
    paths.pop(4)
    assert [answer.path for answer in answers] == list(map(str, paths))
    assert [isinstance(answer, ByFaces) for answer in answers] == [n % 3 == 1 for n in range(20)]
    assert answers == [predictor.predict(path, top=2) for path in paths]
    assert list(predictor.predict_all([])) == []


class Pipe(io.BytesIO):
    """What can be read only once."""

    def seekable(self):
        return False


def test_a_pipe_is_read_once(predictor):
    data = io.BytesIO()
    Image.fromarray(scene((HOMER, 255), (MARGE, 255))).save(data, "PNG")
    assert isinstance(predictor.predict(Pipe(data.getvalue())), ByFaces)
    [answer] = predictor.predict_all([Pipe(data.getvalue())])
    assert isinstance(answer, ByFaces)


def test_a_closed_file_is_a_failure_and_the_rest_go_on(predictor):
    picture = np.zeros((8, 8, 3), np.uint8)
    closed = io.BytesIO(b"picture")
    closed.close()
    first, failure, last = predictor.predict_all([picture, closed, picture])
    assert failure.error == "the file object: the file object is closed; give it open"
    assert first.label == last.label


def test_a_picture_that_goes_in_between_keeps_its_answer(predictor, tmp_path, monkeypatch):
    path = tmp_path / "there.png"
    Image.fromarray(scene((HOMER, 255), (MARGE, 255))).save(path)
    find = Detector.find

    def too_late(self, source, **options):
        path.unlink()
        return find(self, str(path), **options)

    monkeypatch.setattr(Detector, "find", too_late)
    [answer] = predictor.predict_all([path])
    assert answer.verdict == "unknown"


def test_whose_faces_are_looked_for(names, spots, spot_names):
    pixels = scene((HOMER, 255), (MARGE, 255))
    assert Predictor(names).predict(pixels).verdict == "unknown"
    assert Predictor(spot_names, spots).predict(pixels).verdict != "unknown"
    with pytest.raises(ModelError, match="names pictures and finds no faces"):
        Predictor(names, spot_names)


def test_a_shipped_network_looks_for_faces_with_the_shipped_detector(monkeypatch):
    looked = []
    detect = Detector.detect
    monkeypatch.setattr(
        Detector,
        "detect",
        lambda self, *given: looked.append(self.path.name) or detect(self, *given),
    )
    classifier = Classifier("cnn-int8", threads=1)
    assert Predictor(classifier).predict(scene()) == classifier.predict(scene())
    assert classifier.predict(scene()).verdict == "unknown"
    assert looked == ["faces.onnx"]
