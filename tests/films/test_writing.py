"""The files that a time line is written to."""

import csv
import json
import re

import numpy as np
import pytest
from PIL import Image

from simpsons.errors import SimpsonsError
from simpsons.films import Interval, Timeline, write

INTERVALS = (
    Interval(0.0, 1.25, "homer_simpson", 0.93456),
    Interval(59.9996, 61.5, "tom_&_<jerry>", 0.6),
    Interval(3661.2, 3662.0, "homer_simpson", 0.7),
)
CLOCK = r"(\d\d):(\d\d):(\d\d)%s(\d{3})"


@pytest.fixture
def timeline():
    pixels = np.full((64, 64, 3), (255, 0, 0), np.uint8)
    return Timeline(
        film="film.mp4",
        duration=3700.0,
        rate=5.0,
        minimum=0.5,
        shortest=0.5,
        intervals=INTERVALS,
        cuts=(1.25, 59.9996),
        tracks=(),
        thumbnails={"homer_simpson": pixels},
        problem=None,
    )


@pytest.fixture
def written(timeline, tmp_path):
    paths = write(tmp_path / "new" / "out", timeline)
    assert sorted(paths) == sorted((tmp_path / "new" / "out").iterdir())
    return {path.suffix: path for path in paths}


def read_cues(path, point):
    """Start, end and text of each cue of SubRip or WebVTT."""
    arrow = re.compile(CLOCK % re.escape(point) + " --> " + CLOCK % re.escape(point))
    blocks = path.read_text(encoding="utf-8").strip().split("\n\n")
    for block in blocks:
        lines = block.split("\n")
        if match := arrow.fullmatch(lines[-2] if len(lines) > 1 else ""):
            hours, minutes, seconds, parts, *_ = numbers = [int(part) for part in match.groups()]
            start = 3600 * hours + 60 * minutes + seconds + parts / 1000
            hours, minutes, seconds, parts = numbers[4:]
            yield start, 3600 * hours + 60 * minutes + seconds + parts / 1000, lines[-1]


TIMES = [(0.0, 1.25), (60.0, 61.5), (3661.2, 3662.0)]


def test_csv(written):
    rows = list(csv.DictReader(written[".csv"].read_text(encoding="utf-8").splitlines()))
    assert list(rows[0]) == ["start", "end", "character", "probability"]
    assert [(float(row["start"]), float(row["end"])) for row in rows] == TIMES
    assert [row["character"] for row in rows] == [each.label for each in INTERVALS]
    assert rows[0]["probability"] == "0.9346"


def test_json_is_what_the_api_says(written, timeline):
    read = json.loads(written[".json"].read_text(encoding="utf-8"))
    assert read == timeline.to_json()
    assert read["intervals"][0] == {
        "start": 0.0,
        "end": 1.25,
        "character": "homer_simpson",
        "name": "Homer Simpson",
        "probability": 0.9346,
    }


def test_srt(written):
    names = ["Homer Simpson", "tom & <jerry>", "Homer Simpson"]
    assert [cue[:2] for cue in read_cues(written[".srt"], ",")] == TIMES
    assert [cue[2] for cue in read_cues(written[".srt"], ",")] == names
    numbers = [block.split("\n")[0] for block in written[".srt"].read_text().split("\n\n")]
    assert numbers == ["1", "2", "3"]


def test_vtt(written):
    assert written[".vtt"].read_text(encoding="utf-8").startswith("WEBVTT\n\n")
    assert [cue[:2] for cue in read_cues(written[".vtt"], ".")] == TIMES
    assert [cue[2] for cue in read_cues(written[".vtt"], ".")][1] == "tom &amp; &lt;jerry&gt;"


def test_picture_has_a_row_and_thumbnail_for_each_character(written):
    with Image.open(written[".png"]) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    red = (pixels == (255, 0, 0)).all(axis=2)
    assert 50 < red.any(axis=1).sum() < 70
    assert red.any(axis=0).sum() == pytest.approx(red.any(axis=1).sum(), abs=2)


def test_nothing_found(timeline, tmp_path):
    from dataclasses import replace

    write(tmp_path, replace(timeline, intervals=(), thumbnails={}))
    assert (tmp_path / "timeline.csv").read_text() == "start,end,character,probability\n"
    assert (tmp_path / "timeline.srt").read_text() == ""
    assert (tmp_path / "timeline.vtt").read_text() == "WEBVTT\n"
    with Image.open(tmp_path / "timeline.png") as picture:
        assert picture.width > 1000


def test_a_file_where_the_folder_should_be(timeline, tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(SimpsonsError, match="is a file; give another folder"):
        write(tmp_path / "out", timeline)
    assert (tmp_path / "out").read_text() == "mine"
