import re

import pytest
from PIL import Image

from simpsons.dataset.boxes import BadRow, Box
from simpsons.dataset.folders import Problem
from simpsons.evaluation import detection, detection_report

HERE, THERE = (10, 10, 30, 30), (50, 10, 70, 30)
EVIL = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def write(told, make_face, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for name in ("a.jpg", "b.jpg"):
        Image.new("RGB", (80, 60), "gray").save(folder / name)

    def write(truth, faces, **more):
        found = detection.evaluate(truth, faces, told({}).names.labels, 0.5)
        path = folder / "report.html"
        facts = {"Data": EVIL}
        detection_report.write(path, found, root=folder, title="T", facts=facts, **more)
        return path.read_text(encoding="utf-8")

    return write


def section(page, name):
    return page.partition(f'<section id="{name}">')[2].partition("</section>")[0]


def test_errors_are_shown_as_pictures(write, make_face):
    truth = {
        "a.jpg": (Box("a.jpg", *HERE, "lisa_simpson"), Box("a.jpg", *THERE, "unknown")),
        "b.jpg": (),
    }
    faces = {"a.jpg": [make_face(HERE)], "b.jpg": [make_face(THERE, 0.75)]}
    page = write(truth, faces)
    assert "<script" not in page
    assert all(source.startswith("data:") for source in re.findall(r'src="([^"]*)"', page))
    missed, false, names = (section(page, name) for name in ("missed", "false", "names"))
    assert missed.count("<img") == false.count("<img") == names.count("<img") == 1
    assert "a.jpg" in missed
    assert "face 75.0" in false
    assert re.search("Lisa Simpson</strong>\\s*called\\s*<strong>Homer Simpson", names)
    assert "Lisa Simpson" in section(page, "characters")
    assert "unreadable" not in page
    assert 'id="bad"' not in page


def test_nothing_wrong_and_nothing_to_name(write):
    page = write({"a.jpg": ()}, {"a.jpg": []})
    assert section(page, "missed").count("None.") == 1
    assert "No box is of a character that the network knows." in page
    assert "\N{EN DASH}" in page


def test_what_could_not_be_used_is_listed(write):
    bad = [BadRow("boxes.csv", f"row {line}", EVIL) for line in range(50)]
    problems = [Problem("c.jpg", "is truncated")]
    page = write({"a.jpg": ()}, {"a.jpg": []}, bad=bad, problems=problems, notes=[EVIL])
    assert section(page, "bad").count("<li>") == detection_report.SHOWN
    assert "of 50; the JSON has them all" in section(page, "bad")
    assert "c.jpg" in section(page, "unreadable")
    assert "<script" not in page


def test_many_errors_are_bounded(write, make_face):
    faces = [make_face((x, 0, x + 3, 3), 0.6 + x / 1000) for x in range(60)]
    page = write({"a.jpg": ()}, {"a.jpg": faces})
    assert section(page, "false").count("<img") == detection_report.SHOWN
    assert f"The first {detection_report.SHOWN} of 60" in page
