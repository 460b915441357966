"""Planted wrong boxes are found, and right ones are not."""

import json
import re
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image, ImageDraw

from simpsons.api import audit as api
from simpsons.auditing import boxes as auditing
from simpsons.auditing import boxes_report
from simpsons.dataset import boxes
from simpsons.dataset.boxes import Box
from simpsons.pixels import images

BOXES = "faces.csv"
THREE = ((35, 50), (95, 90), (160, 60))


class Eyes:
    """Has the part of a Detector's API that an audit needs: knows the faces of some pictures."""

    minimum = 0.4

    def __init__(self, root, truth, score=0.9):
        rng = np.random.default_rng(0)
        self._seen = {}
        for path, listed in truth.items():
            corners = np.array([box.corners for box in listed]).reshape(-1, 4)
            sides = np.tile(corners[:, 2:] - corners[:, :2], 2)
            jittered = corners + rng.uniform(-0.05, 0.05, corners.shape) * sides
            key = images.decode(root / path).tobytes()
            self._seen[key] = jittered.astype(np.float32), np.full(len(jittered), score, np.float32)

    def boxes(self, pixels):
        return self._seen[pixels.tobytes()]


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    """18 pictures of yellow faces: one each, away from the corner, in the first 12, else three."""
    folder = tmp_path_factory.mktemp("scenes")
    rng = np.random.default_rng(0)
    listed = {}
    for number in range(18):
        path = f"{number:02d}.png"
        picture = Image.new("RGB", (200, 140), (90, 120, int(rng.integers(256))))
        places = [(rng.uniform(50, 150), rng.uniform(50, 100))] if number < 12 else THREE
        listed[path] = []
        for x, y in places:
            half = rng.uniform(8, 20)
            corners = (x - half, y - 1.2 * half, x + half, y + 1.2 * half)
            ImageDraw.Draw(picture).ellipse(corners, (250, 210, 60), "black")
            listed[path].append(Box(path, *corners, "somebody"))
        picture.save(folder / path)
    boxes.write(folder / BOXES, listed)
    return folder


@pytest.fixture(scope="module")
def truth(scenes):
    return boxes.read(scenes / BOXES, scenes).pictures


@pytest.fixture(scope="module")
def eyes(scenes, truth):
    return Eyes(scenes, truth)


@pytest.fixture
def audit(scenes, eyes, tmp_path):
    def audit(pictures, detector=eyes, rows=()):
        path = tmp_path / "boxes.csv"
        boxes.write(path, pictures)
        with path.open("a") as file:
            file.writelines(f"{row}\n" for row in rows)
        return auditing.find(detector, scenes, boxes.read(path, scenes))

    return audit


def scaled(box, factor, about=(0, 0)):
    x, y = about
    corners = [c + factor * (value - c) for value, c in zip(box.corners, (x, y, x, y), strict=True)]
    return box._replace(**dict(zip(("x1", "y1", "x2", "y2"), corners, strict=True)))


def middle(box):
    return (box.x1 + box.x2) / 2, (box.y1 + box.y2) / 2


def alone(truth):
    """The pictures of one face."""
    return [path for path, listed in truth.items() if len(listed) == 1]


def test_right_boxes_are_not_listed(audit, truth):
    assert audit(truth).found == ()


def test_boxes_that_are_all_loose_are_right(audit, truth):
    loose = {
        path: [scaled(box, 1.6, middle(box)) for box in listed] for path, listed in truth.items()
    }
    assert audit(loose).found == ()


def test_planted_faults_are_found_and_nothing_else(audit, truth):
    spoilt = dict(truth)
    small, away, large, lacking, sliver = alone(truth)[:5]
    spoilt[small] = [scaled(truth[small][0], 0.4)]
    [box] = truth[away]
    spoilt[away] = [box._replace(x1=0, y1=0, x2=12, y2=14)]
    spoilt[large] = [Box(large, 0, 0, 200, 140, "a")]
    spoilt[lacking] = []
    [box] = truth[sliver]
    spoilt[sliver] = [box._replace(x2=box.x1 + 1)]
    found = audit(spoilt).found
    kinds = {one.path: one.kind for one in found}
    assert kinds[small] == "another scale"
    assert kinds[away] in ("misses", "another scale")
    assert kinds[large] == "size"
    assert kinds[lacking] == "no box"
    assert {one.kind for one in found if one.path == sliver} == {"degenerate", "no box"}
    assert set(kinds) == {small, away, large, lacking, sliver}


@pytest.mark.parametrize("factor", [0.3, 0.5, 0.7])
def test_most_boxes_at_another_scale_are_told_as_such(audit, truth, factor):
    paths = alone(truth)
    spoilt = dict(truth) | {path: [scaled(truth[path][0], factor)] for path in paths}
    found = audit(spoilt).found
    told = [one for one in found if one.kind == "another scale"]
    assert {one.path for one in found} <= set(paths)
    assert len(told) > 0.7 * len(paths)
    factors = [float(re.search(r"drawn (\S+) times", one.reason)[1]) for one in told]
    assert np.median(factors) == pytest.approx(1 / factor, rel=0.15)


def one_picture(faces, *corners, scores=None, ignored=(), incomplete=()):
    """What is found in one picture, whose file has other pictures with tight boxes."""
    listed = tuple(Box("a", *box, "x", ignored=box in ignored) for box in corners)
    others = {str(place): (Box(str(place), 10, 10, 30, 30, "x"),) for place in range(9)}
    read = SimpleNamespace(
        pictures={"a": listed} | others, bad=(), incomplete=frozenset(incomplete)
    )
    seen = {
        path: auditing.Faces(np.array([box[0].corners]), np.ones(1)) for path, box in others.items()
    }
    scores = np.full(len(faces), 0.9) if scores is None else scores
    seen["a"] = auditing.Faces(np.array(faces, float).reshape(-1, 4), np.array(scores))
    return [(one.kind, one.face) for one in auditing.judge(read, seen, 0.4)]


HERE, THERE = (10, 10, 30, 30), (60, 50, 80, 70)


def test_a_box_without_a_face_while_one_lies_elsewhere():
    assert one_picture([HERE, THERE], HERE, (90, 0, 99, 9)) == [("misses", THERE)]
    assert one_picture([], HERE) == []  # the detector may be blind to it
    assert one_picture([HERE], HERE, THERE) == []  # the face that is there has its box


def test_a_face_without_a_box():
    assert one_picture([HERE, THERE], HERE) == [("no box", THERE)]
    assert one_picture([HERE, THERE], HERE, scores=[0.9, 0.6]) == []  # not sure
    assert one_picture([HERE, THERE], HERE, THERE, ignored=[THERE]) == []
    assert one_picture([HERE, THERE], HERE, incomplete=["a"]) == []  # its bad row is listed


def test_a_box_of_another_size_than_such_boxes_are():
    assert one_picture([HERE], (0, 0, 60, 60)) == [("size", HERE)]
    assert one_picture([(10, 10, 60, 60)], (20, 20, 26, 26)) == [("size", (10, 10, 60, 60))]
    assert one_picture([HERE], (5, 5, 40, 45)) == []


def test_the_surest_come_first(audit, truth):
    spoilt = dict(truth) | {path: [scaled(truth[path][0], 0.5)] for path in alone(truth)}
    sureness = [one.sureness for one in audit(spoilt).found]
    assert sureness == sorted(sureness, reverse=True)
    assert all(0 <= value <= 1 for value in sureness)


def test_bad_rows_and_broken_pictures_are_told(audit, truth, scenes):
    rows = ["00.png,9,9,1,1,a", "nobody.jpg,1,1,9,9,a"]
    findings = audit(truth, rows=rows)
    assert findings.found[0].kind == "bad row"
    assert "from (9, 9) to (1, 1) is no box" in findings.found[0].reason
    assert findings.counts()["bad row"] == 1
    told = findings.to_json()
    assert [row["path"] for row in told["bad_rows"]] == ["00.png", ""]
    json.dumps(told)


def test_a_picture_that_can_not_be_decoded_is_told(tmp_path):
    Image.effect_noise((80, 60), 90).save(tmp_path / "a.png")
    content = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(content[: len(content) // 2])
    (tmp_path / "boxes.csv").write_text("path,x1,y1,x2,y2,name\na.png,1,1,9,9,a\n")
    listed = boxes.read(tmp_path / "boxes.csv", tmp_path)
    findings = auditing.find(Eyes(tmp_path, {}), tmp_path, listed)
    assert findings.found == ()
    [problem] = findings.problems
    assert problem.path == "a.png"


def test_the_page_shows_the_surest(audit, truth, tmp_path, monkeypatch):
    spoilt = dict(truth) | {path: [scaled(truth[path][0], 0.5)] for path in alone(truth)}
    findings = audit(spoilt, rows=["nobody.jpg,1,1,9,9,a"])
    monkeypatch.setattr(boxes_report, "SHOWN", 2)
    boxes_report.write(tmp_path / "audit.html", findings)
    page = (tmp_path / "audit.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert page.count("<img") == 2
    assert all(source.startswith("data:") for source in re.findall(r'src="([^"]*)"', page))
    assert f"The 2 surest of {len(findings.found)}" in page
    assert "nobody.jpg is not a picture" in page


def test_the_command(cli, scenes, truth, eyes, tmp_path, monkeypatch):
    monkeypatch.setattr(api, "Detector", lambda faces: eyes)
    [path] = alone(truth)[:1]
    file, report = tmp_path / "boxes.csv", tmp_path / "audit.html"
    boxes.write(file, dict(truth) | {path: [scaled(truth[path][0], 0.5)]})
    arguments = ("data", "audit", scenes, "--boxes", file, "--report", report)
    told = cli(*arguments)
    assert told.exit_code == 0, told.output
    assert re.search(r"another scale +1\n", told.stdout)
    assert f"{path} {truth[path][0].name}: fits the face when it is drawn" in told.stdout
    assert path in report.read_text(encoding="utf-8")
    found = json.loads(cli(*arguments, "--json").stdout)
    assert [one["path"] for one in found["findings"]] == [path]
    assert found["counts"]["another scale"] == 1
    assert found["report"] == str(report)


def test_options_that_do_not_go_together(cli, scenes, tmp_path):
    report = ("--report", tmp_path / "audit.html")
    both = cli("data", "audit", scenes, "--boxes", scenes / BOXES, "--label-errors", *report)
    assert both.exit_code == 2
    assert "--label-errors does not go with --boxes" in both.stderr
    alone = cli("data", "audit", scenes, "--faces", "faces", *report)
    assert alone.exit_code == 2
    assert "give the file with --boxes" in alone.stderr
