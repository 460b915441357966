import base64
import io
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.special import softmax

from simpsons.evaluation.compare import compare
from simpsons.evaluation.metrics import evaluate
from simpsons.evaluation.report import ErrorExample, write_report

EVIL = '<script>alert("1")</script>\'&$x'
CLASSES = ["bart_simpson", "homer_simpson", "lisa_simpson", EVIL]
VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """The tags, attributes and text of a page; fails where tags are not nested."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.text, self.open = [], "", []
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.text += data

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def words(self):
        return " ".join(self.text.split())


def case(seed=0, n=60, classes=CLASSES, strength=1.5):
    labels = np.random.default_rng(0).integers(0, len(classes), n)
    logits = np.random.default_rng(seed).normal(size=(n, len(classes)))
    logits[np.arange(n), labels] += strength
    return softmax(logits, axis=1), labels


def error(**changes):
    fields = {
        "image": np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8),
        "path": "test/lisa_simpson/pic_0001.jpg",
        "true": "lisa_simpson",
        "predicted": "bart_simpson",
        "probability": 0.987,
        "true_probability": 0.0123,
        "heat": np.eye(64, dtype=np.float32),
        "true_heat": np.zeros((64, 64), np.float32),
    }
    return ErrorExample(**(fields | changes))


HISTORY = [
    {"epoch": epoch, "validation_loss": 1 / epoch, "validation_accuracy": epoch / 4}
    for epoch in (1, 2, 3)
]


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """A report with everything in it, two networks included."""
    path = tmp_path_factory.mktemp("report") / "new" / "index.html"
    first, labels = case()
    second, _ = case(seed=1, strength=0.5)
    write_report(
        path,
        evaluate(first, labels, CLASSES),
        title=f"Report {EVIL}",
        facts={"Model": "xception", "Split": EVIL},
        problems=[(f"folder/{EVIL}.jpg", "the file is empty"), ("\udcff.jpg", EVIL)],
        errors=[error(), error(path=EVIL, predicted=EVIL)],
        history=HISTORY,
        comparison=compare(first, second, labels, names=("xception", EVIL)),
        second=evaluate(second, labels, CLASSES),
        notes=["Test was read once.", EVIL],
    )
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def simple(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_report(path, evaluate(*case(), CLASSES), title="Title", facts={"Model": "cnn"})
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("which", ["full", "simple"])
def test_the_page_needs_nothing_else(which, request):
    html = request.getfixturevalue(which)
    page = Page(html)
    ids = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
    for _, attributes in page.tags:
        for name in ("src", "href", "srcset", "data", "action", "poster"):
            target = attributes.get(name, "data:")
            assert target.startswith("data:image/") or target == "data:" or target[1:] in ids
    assert not page.all("script")
    assert not page.all("link")
    assert "@import" not in html
    assert "url(" not in html


def test_the_page_is_accessible(full):
    page = Page(full)
    assert page.all("html") == [{"lang": "en"}]
    assert all(attributes["alt"] for attributes in page.all("img"))
    assert all(attributes["scope"] for attributes in page.all("th"))
    assert {"width=device-width, initial-scale=1", "light dark"} <= {
        attributes.get("content") for attributes in page.all("meta")
    }


def test_hostile_names_are_shown_as_text(full):
    page = Page(full)
    assert EVIL.split("/", maxsplit=1)[0] not in full
    assert page.words.count(EVIL) >= 8
    assert any(EVIL in attributes["alt"] for attributes in page.all("img"))


def test_a_file_name_that_is_no_unicode_is_shown_as_far_as_it_goes(full):
    assert "?.jpg" in Page(full).words


def test_the_headline_says_the_accuracy_and_its_interval(simple):
    result = evaluate(*case(), CLASSES)
    words = Page(simple).words.replace("\xa0", " ")
    assert f"{result.headline} classified correctly." in words


def test_two_networks_are_side_by_side(full):
    first, labels = case()
    second, _ = case(seed=1, strength=0.5)
    words = Page(full).words.replace("\xa0", " ")
    comparison = compare(first, second, labels, names=("xception", EVIL))
    assert comparison.sentence in words
    assert evaluate(first, labels, CLASSES).headline in words
    assert evaluate(second, labels, CLASSES).headline in words
    alts = [attributes["alt"] for attributes in Page(full).all("img")]
    assert sum(alt.startswith("Confusion matrix of") for alt in alts) == 2
    assert sum(alt.startswith("Reliability diagram of") for alt in alts) == 2


def test_every_section_is_there(full):
    words = Page(full).words.replace("\xa0", " ")
    for expected in (
        "2 more files could not be read and are not counted",
        "Lisa Simpson (1.2 %) taken for Bart Simpson (98.7 %)",
        "test/lisa_simpson/pic_0001.jpg",
        "the file is empty",
        "Test was read once.",
        "Training of xception",
    ):
        assert expected in words


def test_what_is_not_given_has_no_section(simple):
    page = Page(simple)
    ids = {attributes.get("id") for attributes in page.all("section")}
    assert ids == {"figures", "measured", "characters", "confusions", "calibration", "errors"}


def test_the_gallery_has_the_pixels_the_network_saw(full):
    sources = [attributes["src"] for attributes in Page(full).all("img")]
    png = next(source for source in sources if source.startswith("data:image/png"))
    with Image.open(io.BytesIO(base64.b64decode(png.partition(",")[2]))) as image:
        assert (np.asarray(image) == error().image).all()


def test_the_gallery_shows_where_the_evidence_was(full):
    maps = {
        attributes["alt"]: attributes["src"]
        for attributes in Page(full).all("img")
        if attributes["alt"].startswith("Evidence for")
    }
    assert list(maps)[:2] == ["Evidence for Bart Simpson", "Evidence for Lisa Simpson"]
    drawn = []
    for source in list(maps.values())[:2]:
        assert source.startswith("data:image/jpeg")
        with Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))) as image:
            drawn.append(np.asarray(image.convert("L"), float))
    hotter = drawn[0] - drawn[1]
    assert np.diag(hotter).mean() > hotter.mean() + 20
    assert "Each map has its own scale" in Page(full).words


def test_classes_without_pictures_are_left_out_and_counted(tmp_path):
    result = evaluate(np.eye(4)[[0, 2]], [0, 2], CLASSES)
    write_report(tmp_path / "r.html", result, title="t", facts={})
    words = Page((tmp_path / "r.html").read_text()).words
    assert "2 of the 4 classes have no pictures here and are left out." in words
    assert "Homer Simpson" not in words
    assert "No character was taken for another." in words
    assert "No picture was classified wrongly." in words


def test_the_same_data_gives_the_same_file(simple, tmp_path):
    write_report(
        tmp_path / "r.html", evaluate(*case(), CLASSES), title="Title", facts={"Model": "cnn"}
    )
    assert (tmp_path / "r.html").read_text(encoding="utf-8") == simple


def test_a_failing_write_leaves_the_old_report(tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    path.write_text("old")

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_report(path, evaluate(*case(n=3), CLASSES), title="t", facts={})
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_comparison_and_second_go_together_and_fit(tmp_path):
    probabilities, labels = case()
    result = evaluate(probabilities, labels, CLASSES)
    shorter = evaluate(probabilities[:9], labels[:9], CLASSES)
    comparison = compare(probabilities, probabilities, labels)
    path = tmp_path / "r.html"
    with pytest.raises(ValueError, match="both or neither"):
        write_report(path, result, title="t", facts={}, comparison=comparison)
    with pytest.raises(ValueError, match="both or neither"):
        write_report(path, result, title="t", facts={}, second=result)
    with pytest.raises(ValueError, match="same pictures"):
        write_report(path, result, title="t", facts={}, comparison=comparison, second=shorter)
    assert not path.exists()
