"""A time line as files: CSV, JSON, subtitles and a picture."""

import csv
import io
import json
import os
from pathlib import Path

from simpsons import files
from simpsons.errors import SimpsonsError
from simpsons.files import write_bytes, write_text
from simpsons.films.picture import draw
from simpsons.films.reading import Timeline
from simpsons.films.subtitles import to_srt, to_vtt

_JSON = rb'\A\{\s*"film": '
_CSV = rb"\A(\xef\xbb\xbf)?start,end,character,probability\r?\n"


def write(folder: str | os.PathLike[str], timeline: Timeline) -> list[Path]:
    """Write `timeline.csv`, `.json`, `.srt`, `.vtt` and `.png` into a folder, which is made.

    Returns the paths. Raises SimpsonsError as `require_replaceable` does, OSError if it can't be
    made.
    """
    folder = require_replaceable(folder)
    picture = io.BytesIO()
    draw(timeline).save(picture, "PNG", optimize=True)
    texts = {
        "csv": to_csv(timeline),
        "json": json.dumps(timeline.to_json(), indent=1, ensure_ascii=False) + "\n",
        "srt": to_srt(timeline),
        "vtt": to_vtt(timeline),
    }
    for suffix, text in texts.items():
        write_text(folder / f"timeline.{suffix}", text)
    write_bytes(folder / "timeline.png", picture.getvalue())
    return [folder / f"timeline.{suffix}" for suffix in (*texts, "png")]


def require_replaceable(folder: str | os.PathLike[str]) -> Path:
    """`require_folder`, and that what the folder has under the names of `write` is of it.

    Raises SimpsonsError.
    """
    folder = require_folder(folder)
    has_one = False
    for suffix, sign in (("json", _JSON), ("csv", _CSV)):
        files.require_replaceable(folder / f"timeline.{suffix}", "a time line", sign)
        has_one |= (folder / f"timeline.{suffix}").is_file()
    for suffix in ("srt", "vtt", "png"):
        signs = [b""] if has_one else []
        files.require_replaceable(folder / f"timeline.{suffix}", "of a time line", *signs)
    return folder


def require_folder(folder: str | os.PathLike[str]) -> Path:
    """The folder's path. Raises SimpsonsError if something else is there."""
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise SimpsonsError(f"{folder}: is a file; give another folder to write to")
    return folder


def to_csv(timeline: Timeline) -> str:
    """A row per interval: start and end in seconds, character, mean probability."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["start", "end", "character", "probability"])
    for each in timeline.intervals:
        times = f"{each.start:.3f}", f"{each.end:.3f}"
        writer.writerow([*times, each.label, f"{each.probability:.4f}"])
    return text.getvalue()
