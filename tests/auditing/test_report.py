"""The page needs nothing else, stays small, and shows what was found."""

import re
from dataclasses import replace

import pytest

from simpsons.auditing import findings, report
from simpsons.auditing.labels import LabelError
from simpsons.auditing.random_claim import Accuracy, Claim
from simpsons.dataset import cache


@pytest.fixture(scope="module")
def found(spoilt):
    dataset, test = cache.load(spoilt / "data"), cache.load(spoilt / "test")
    return findings.find(dataset, test=test, watch=lambda name, recipe: None)


@pytest.fixture(scope="module")
def page(found, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "audit.html"
    report.write(path, found)
    return path.read_text(encoding="utf-8")


def test_it_needs_nothing_else(page):
    assert "<script" not in page
    assert all(source.startswith("data:") for source in re.findall(r'src="([^"]*)"', page))
    assert all(link.startswith("#") for link in re.findall(r'href="([^"]*)"', page))
    assert "default-src 'none'" in page


def test_it_shows_what_was_found(page):
    for text in ("2/two_labels.png", "1/uniform.png", "1/broken.jpg", "test folder test"):
        assert text in page
    assert "not looked for" in page
    copies = page.partition('<section id="copies">')[2].partition("</section>")[0]
    assert copies.count("<img") == 4
    assert "0/copy.jpg" in copies


def test_label_errors_and_claims_are_shown(found, tmp_path):
    error = LabelError(3, 0, 2, 0.01, 0.9)
    told = Claim("cnn", Accuracy(90, 100), Accuracy(40, 40), Accuracy(50, 60))
    more = replace(found, label_errors=(error,), claims=(told,))
    report.write(tmp_path / "audit.html", more)
    page = (tmp_path / "audit.html").read_text(encoding="utf-8")
    assert found.pictures.path(3) in page
    for share in ("90.0\N{NO-BREAK SPACE}%", "100.0\N{NO-BREAK SPACE}%", "83.3\N{NO-BREAK SPACE}%"):
        assert share in page


def test_examples_are_bounded(found, tmp_path):
    many = found.duplicates.pairs * 200
    duplicates = replace(found.duplicates, pairs=many)
    errors = tuple(LabelError(row % 30, 0, 1, 0.1, 0.9) for row in range(5000))
    more = replace(found, duplicates=duplicates, label_errors=errors)
    report.write(tmp_path / "audit.html", more)
    page = (tmp_path / "audit.html").read_text(encoding="utf-8")
    assert page.count("<img") < 500
    assert f"The {report.LABEL_ERRORS} strongest of 5,000" in page
