"""What becomes of each face and box, and the figures that follow."""

import json

import pytest

from simpsons.dataset.boxes import Box
from simpsons.dataset.folders import DataError, Problem
from simpsons.evaluation import detection
from simpsons.evaluation.detection import Share

HERE, THERE, FAR = (10, 10, 30, 30), (50, 10, 70, 30), (50, 50, 70, 70)


def box(corners, name="homer_simpson", path="a.jpg", ignored=False):
    return Box(path, *corners, name, ignored)


@pytest.fixture(scope="module")
def evaluate(told):
    def evaluate(boxes, faces, threshold=0.5):
        labels = told({}).names.labels
        return detection.evaluate({"a.jpg": boxes}, {"a.jpg": faces}, labels, threshold)

    return evaluate


def test_everything_right(evaluate, make_face):
    boxes = [box(HERE), box(THERE, "lisa_simpson"), box(FAR, "unknown")]
    faces = [
        make_face(HERE),
        make_face(THERE, verdict="lisa_simpson"),
        make_face(FAR, verdict="unknown"),
    ]
    found = evaluate(boxes, faces)
    assert (found.pictures, found.faces) == (1, 3)
    assert found.ap == pytest.approx((1, 1))
    assert found.mean_ap == pytest.approx((1, 1))
    assert [score.name for score in found.names] == ["homer_simpson", "lisa_simpson"]
    assert found.precision == found.recall == Share(3, 3)
    assert found.name_precision == found.name_recall == found.known_kept == Share(2, 2)
    assert found.strangers_named == Share(0, 1)
    assert found.missed == found.false == found.wrong_names == []


def test_a_stranger_with_a_name_is_a_false_positive_of_the_name(evaluate, make_face):
    boxes = [box(HERE), box(THERE, "unknown"), box(FAR, "moe_szyslak")]
    named = [make_face(HERE, 0.6), make_face(THERE, 0.9), make_face(FAR, 0.8)]
    found = evaluate(boxes, named)
    assert found.ap.at_50 == pytest.approx(1)
    assert found.mean_ap.at_50 == pytest.approx(1 / 3, abs=0.01)
    assert found.strangers_named == Share(2, 2)
    assert found.name_precision == Share(1, 3)
    assert [one.box.name for one in found.wrong_names] == ["unknown", "moe_szyslak"]
    kept_out = [make_face(HERE, 0.6), make_face(THERE, verdict="unknown")]
    assert evaluate(boxes, kept_out).mean_ap.at_50 == pytest.approx(1)


def test_names_are_ranked_by_score_times_probability(evaluate, make_face):
    boxes = [box(HERE), box(THERE, "lisa_simpson")]
    right = make_face(HERE, 0.6, probability=0.9)
    for probability, expected in ((0.5, 1.0), (0.7, 0.5)):
        wrong = make_face(THERE, 0.9, probability=probability)
        by_name = {score.name: score for score in evaluate(boxes, [right, wrong]).names}
        assert by_name["homer_simpson"].ap.at_50 == pytest.approx(expected)
        assert by_name["lisa_simpson"].ap.at_50 == 0
        assert by_name["homer_simpson"].precision == Share(1, 2)
        assert by_name["lisa_simpson"].recall == Share(0, 1)


def test_a_known_face_called_unknown_is_not_kept(evaluate, make_face):
    found = evaluate([box(HERE)], [make_face(HERE, verdict="unknown")])
    assert found.known_kept == Share(0, 1)
    assert found.recall == Share(1, 1)
    assert found.name_recall == Share(0, 1)
    assert found.wrong_names == []


def test_precision_and_recall_are_at_the_threshold(evaluate, make_face):
    boxes = [box(HERE), box(THERE), box(FAR)]
    faces = [make_face(HERE, 0.9), make_face(THERE, 0.4), make_face((0, 60, 20, 80), 0.7)]
    found = evaluate(boxes, faces)
    assert found.precision == Share(1, 2)
    assert found.recall == Share(1, 3)
    assert {one.box for one in found.missed} == {boxes[1], boxes[2]}
    assert evaluate(boxes, faces, threshold=0.3).recall == Share(2, 3)


def test_a_box_is_found_once_by_the_surest(evaluate, make_face):
    twice = [make_face(HERE, 0.6), make_face((10, 10, 30, 29), 0.9)]
    found = evaluate([box(HERE)], twice)
    assert found.precision == Share(1, 2)
    assert [one.face.score for one in found.false] == [0.6]


def test_ignored_regions_count_for_nothing(evaluate, make_face):
    boxes = [box(HERE), box((40, 0, 100, 100), ignored=True)]
    found = evaluate(boxes, [make_face(HERE), make_face(THERE, 0.95), make_face(FAR, 0.5)])
    assert found.faces == 1
    assert found.precision == found.recall == found.name_precision == Share(1, 1)
    assert found.ap.at_50 == found.mean_ap.at_50 == pytest.approx(1)


def test_errors_are_listed_the_surest_first(evaluate, make_face):
    boxes = [box(HERE), box((40, 0, 100, 60), "lisa_simpson")]
    found = evaluate(boxes, [make_face(FAR, 0.6), make_face((0, 60, 20, 80), 0.8)])
    assert [one.box.name for one in found.missed] == ["lisa_simpson", "homer_simpson"]
    assert [one.face.score for one in found.false] == [0.8, 0.6]


def test_json_has_every_figure_and_error(evaluate, make_face):
    found = evaluate([box(HERE), box(FAR, "unknown")], [make_face(HERE), make_face(THERE)])
    told = json.loads(json.dumps(found.to_json()))
    assert told["ap_50"] == pytest.approx(0.5, abs=0.01)
    assert told["recall"]["share"] == 0.5
    assert told["strangers_named"] == {"share": None, "interval": None, "count": 0, "of": 0}
    assert told["per_name"][0]["name"] == "homer_simpson"
    [missed] = told["missed"]
    assert missed == {"path": "a.jpg", "box": list(FAR), "name": "unknown", "found": None}
    assert told["false"][0]["found"]["box"] == list(THERE)


def test_measuring_goes_through_the_pictures(told, make_face, tmp_path):
    truth = {"a.jpg": (box(HERE),), "sub/b.jpg": (), "c.jpg": (box(HERE, path="c.jpg"),)}
    detector = told({"a.jpg": [make_face(HERE)], "c.jpg": "c.jpg: is truncated"})
    measured = detection.measure(detector, tmp_path, truth)
    assert list(measured.truth) == list(measured.found) == ["a.jpg", "sub/b.jpg"]
    assert measured.problems == (Problem("c.jpg", "c.jpg: is truncated"),)
    assert measured.evaluation.pictures == 2
    assert measured.evaluation.recall == Share(1, 1)


def test_a_detector_that_leaves_out_unsure_faces_is_refused(told, tmp_path):
    with pytest.raises(ValueError, match=r"leaves out faces below 0\.5"):
        detection.measure(told({}, minimum=0.5), tmp_path, {"a.jpg": ()})


def test_no_readable_picture_is_an_error(told, tmp_path):
    with pytest.raises(DataError, match=r"no readable picture.*a\.jpg: gone"):
        detection.measure(told({"a.jpg": "a.jpg: gone"}), tmp_path, {"a.jpg": ()})
