import json
import shutil

import pytest

from simpsons import Classifier, Detector, ModelError
from simpsons.classifier import SHIPPED
from simpsons.errors import SimpsonsError
from simpsons.formats import facts
from simpsons.network import find


@pytest.mark.parametrize("name", [*SHIPPED, "faces"])
def test_beside_each_shipped_file_are_its_facts(name):
    path = find(name, [*SHIPPED, "faces"])
    assert json.loads(path.with_suffix(".json").read_text("utf-8")) == facts.read(path)


def test_what_is_said_of_a_classifier():
    classifier, said = Classifier("cnn"), facts.read("cnn")
    assert said["labels"] == list(classifier.labels)
    assert said["names"][said["labels"].index("charles_montgomery_burns")] == "Mr. Burns"
    assert said["familiarity_threshold"] == classifier.threshold
    assert said["face_familiarity_threshold"] == classifier.face_threshold
    assert said["input"] == {"name": "pixels", "type": "uint8", "shape": ["N", 64, 64, 3]}
    assert said["outputs"] == {"probabilities": ["N", 18], "familiarity": ["N"]}
    assert "CC BY-NC-SA 4.0" in said["data_licence"]


def test_what_is_said_of_a_face_detector():
    detector, said = Detector(), facts.read("faces")
    assert said["threshold"] == detector.minimum
    assert said["stranger_threshold"] == detector.stranger_minimum
    assert tuple(said["longest_sides"]) == detector.sides
    assert said["outputs"].keys() == {"boxes", "scores", "picture"}


def test_a_file_without_thresholds_says_none(doll_model):
    said = facts.read(doll_model)
    assert said["familiarity_threshold"] is said["face_familiarity_threshold"] is None
    assert said["data_licence"] is None


def test_they_are_written_anew_over_old_ones_alone(doll_model, tmp_path):
    model = tmp_path / "own.onnx"
    shutil.copy(doll_model, model)
    written = facts.write(model)
    assert facts.write(model) == written == tmp_path / "own.json"
    written.write_text('{"notes": "mine"}')
    with pytest.raises(SimpsonsError, match=r"own.json: already exists and was not written for"):
        facts.write(model)
    assert written.read_text() == '{"notes": "mine"}'
    with pytest.raises(SimpsonsError, match="choose another suffix"):
        facts.facts_path(written)


def test_what_is_no_network_is_refused(tmp_path):
    (tmp_path / "notes.onnx").write_text("notes")
    with pytest.raises(ModelError, match="is not a valid ONNX file"):
        facts.read(tmp_path / "notes.onnx")
