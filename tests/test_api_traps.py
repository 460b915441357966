"""What programs do with a `Classifier`, a `Detector` and their answers."""

import copy
import dataclasses
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

from simpsons import Classifier, Detector, ImageError, Predictor
from simpsons.classifier import Prediction

WRONG = {
    "float32": np.zeros((1, 64, 64, 3), np.float32),
    "int64": np.zeros((1, 64, 64, 3), np.int64),
    "one picture": np.zeros((64, 64, 3), np.uint8),
    "channels first": np.zeros((1, 3, 64, 64), np.uint8),
    "another size": np.zeros((2, 96, 96, 3), np.uint8),
    "grey": np.zeros((2, 64, 64), np.uint8),
    "no array": "picture.jpg",
    "none": None,
    "of several sizes": [np.zeros((64, 64, 3), np.uint8), np.zeros((9, 9, 3), np.uint8)],
}


@pytest.fixture(scope="module")
def classifier(spot_names):
    return Classifier(spot_names)


@pytest.fixture(scope="module")
def detector(spots, classifier):
    return Detector(spots, classifier)


@pytest.fixture(scope="module")
def picture():
    """Two red spots on green, one surer than the other."""
    pixels = np.zeros((100, 320, 3), np.uint8)
    pixels[..., 1] = 250
    pixels[30:70, 40:80] = (250, 0, 220)
    pixels[30:70, 200:240] = (250, 0, 180)
    return pixels


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
@pytest.mark.parametrize(
    "method",
    [
        *("probabilities", "probabilities_and_familiarity", "class_activations"),
        *("predict_pixels", "predict_faces"),
    ],
)
def test_pixels_of_another_shape_or_type_are_refused(classifier, method, wrong):
    with pytest.raises(ImageError, match=r"give uint8 \[N, 64, 64, 3\]"):
        getattr(classifier, method)(wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        *(np.zeros((9, 9, 3), np.float64), np.zeros((9, 9), np.uint8), None, "a.jpg"),
        *(np.zeros((1, 9, 9, 3), np.uint8), np.zeros((0, 9, 3), np.uint8)),
    ],
)
def test_a_detector_takes_the_pixels_of_one_picture(detector, wrong):
    with pytest.raises(ImageError, match=r"give uint8 \[H, W, 3\] of one picture"):
        detector.boxes(wrong)


def test_pixels_may_be_a_list_or_none(classifier):
    one = np.zeros((64, 64, 3), np.uint8)
    expected = classifier.probabilities(one[None])
    assert np.array_equal(classifier.probabilities([one]), expected)
    assert classifier.probabilities([]).shape == (0, 3)
    assert classifier.predict_pixels([]) == []


@pytest.mark.parametrize("again", [lambda x: pickle.loads(pickle.dumps(x)), copy.deepcopy])
def test_each_can_be_given_to_another_process(again, spot_names, spots, picture, tmp_path):
    classifier = Classifier(spot_names)
    classifier.threshold = 0.25
    detector = Detector(spots, classifier, minimum=0.8)
    predictor = Predictor(classifier, detector)
    copied = again(predictor)
    assert copied.predict(picture) == predictor.predict(picture)
    assert again(classifier).threshold == 0.25
    [face] = again(detector).detect(picture).faces
    assert face == detector.detect(picture).faces[0]
    once = again(detector.once())
    assert once.stranger_minimum == detector.once().stranger_minimum
    assert once._looks_once


def test_a_pickle_names_the_file_and_holds_no_weights(spot_names, spots, monkeypatch, tmp_path):
    monkeypatch.chdir(spot_names.parent)
    kept = pickle.dumps(Classifier(spot_names.name))
    assert len(kept) < 1000
    monkeypatch.chdir(tmp_path)
    assert pickle.loads(kept).path == spot_names
    assert len(pickle.dumps(Detector(spots, Classifier("cnn-int8")))) < 1000
    assert b"cnn-int8" in pickle.dumps(Classifier("cnn-int8"))
    assert os.fsencode(Classifier("cnn-int8").path) not in pickle.dumps(Classifier("cnn-int8"))


def test_a_process_that_is_spawned_gets_it(spot_names, picture, tmp_path):
    """As multiprocessing, joblib and Spark do: the pickle is read by a new Python."""
    classifier = Classifier(spot_names)
    np.save(tmp_path / "picture.npy", picture)
    (tmp_path / "sent").write_bytes(pickle.dumps((classifier, classifier.predict(picture))))
    code = (
        "import pickle, sys, numpy\n"
        "classifier, expected = pickle.load(open(sys.argv[1] + '/sent', 'rb'))\n"
        "assert classifier.predict(numpy.load(sys.argv[1] + '/picture.npy')) == expected\n"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path], check=True)


def test_a_table_of_answers_has_labels_and_verdicts(classifier, detector, picture):
    pandas = pytest.importorskip("pandas")
    answers = list(classifier.predict_all([picture, b"no picture"]))
    table = pandas.DataFrame(answers)
    assert {"path", "label", "name", "probability", "verdict", "error"} <= set(table.columns)
    assert table["label"][0] == answers[0].label
    faces = detector.detect(picture).faces
    table = pandas.DataFrame(faces)
    assert {"box", "score", "label", "name", "probability", "verdict"} <= set(table.columns)
    assert table["verdict"].tolist() == [face.verdict for face in faces]
    assert len(faces) == 2


def test_fields_that_are_made_of_others_follow_them():
    prediction = Prediction("a.jpg", (("homer_simpson", 0.75), ("moe_szyslak", 0.25)), 0.2, 0.5)
    assert dataclasses.asdict(prediction) == {
        "path": "a.jpg",
        "top": (("homer_simpson", 0.75), ("moe_szyslak", 0.25)),
        "familiarity": 0.2,
        "threshold": 0.5,
        "label": "homer_simpson",
        "name": "Homer Simpson",
        "probability": 0.75,
        "verdict": "unknown",
    }
    assert dataclasses.replace(prediction, familiarity=0.5).verdict == "homer_simpson"
    assert dataclasses.replace(prediction, threshold=None).verdict == "homer_simpson"
    with pytest.raises(dataclasses.FrozenInstanceError):
        prediction.label = "bart_simpson"
