from pathlib import Path

import pytest

from simpsons.bulk import parts
from simpsons.bulk.totals import Totals
from simpsons.errors import SimpsonsError

from .conftest import QUICK


def test_totals(mixed, frozen, tmp_path):
    paths, kinds = mixed
    manifest = frozen(paths)
    totals = Totals(manifest).add(parts.run_part(manifest, part, QUICK) for part in (0, 2))

    said = totals.to_json()
    assert said["parts"] == {"finished": 2, "all": 4}
    assert said["pictures"] == {"finished": 16, "all": 30}
    assert sum(said["verdicts"].values()) + sum(said["errors"].values()) == said["rows"] == 16
    assert not said["finished"]
    assert totals.lines()[0].startswith("2 of 4 parts, 16 of 30 pictures; ")

    totals.add(parts.run_part(manifest, part, QUICK) for part in (1, 3))
    assert totals.is_finished
    assert totals.errors == kinds
    assert totals.lines()[0] == "4 of 4 parts, 30 of 30 pictures"


def test_a_page(mixed, frozen, tmp_path):
    manifest = frozen(mixed[0])
    totals = Totals(manifest).add(parts.run_part(manifest, part, QUICK) for part in range(4))
    totals.verdicts.clear()
    totals.verdicts.update(homer_simpson=1200, unknown=300)

    totals.write_page(tmp_path / "page.html")

    page = Path(tmp_path / "page.html").read_text(encoding="utf-8")
    assert "Homer Simpson" in page
    assert "1,200" in page
    assert "width: 25.00%" in page
    assert "http" not in page
    totals.write_page(tmp_path / "page.html")
    (tmp_path / "own.html").write_text("<title>My page</title>")
    with pytest.raises(SimpsonsError, match=r"own\.html: already exists and is not a page of tot"):
        totals.write_page(tmp_path / "own.html")
    assert (tmp_path / "own.html").read_text() == "<title>My page</title>"
