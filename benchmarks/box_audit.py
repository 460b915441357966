"""Does the audit find the data set's wrong boxes? Writes a table into docs/boxes.md.

About one in eleven boxes that come with the data set misses the face. Those of the validation and
test parts were found by eye; the audit does not know them.
"""

import argparse
from collections.abc import Collection, Sequence
from dataclasses import replace

from benchmarks import frames
from benchmarks.data import data_option, folder
from benchmarks.report import machine, table, write_section
from simpsons import Detector
from simpsons.auditing import boxes as audit
from simpsons.dataset import boxes
from simpsons.dataset.split import parts_of
from simpsons.progress import bar

DOCUMENT = "docs/boxes.md"
FIRST = (25, 50, 100)
MISSING = "no box"
"""The kind of finding that is none here: the file has one box a picture, whoever else is in it."""


def rows(found: Sequence[audit.Finding], wrong: Collection[str]) -> list[list[str]]:
    """How many pictures' boxes are wrong among the first of those listed, and in all."""
    listed = list(dict.fromkeys(one.path for one in found if one.kind != MISSING))
    table_rows = []
    for count in (*(first for first in FIRST if first < len(listed)), len(listed)):
        hits = sum(path in wrong for path in listed[:count])
        name = f"the first {count}" if count < len(listed) else f"all {count}"
        table_rows.append([name, f"{hits / max(count, 1):.1%}", f"{hits / len(wrong):.1%}"])
    return table_rows


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=["validation", "test"], default="test")
    data_option(parser)
    arguments = parser.parse_args()
    root = frames.folder(folder(arguments))
    read = boxes.read(root / frames.ONE_BOX, root)
    parts = parts_of(list(read.pictures))
    chosen = {
        path: found
        for (path, found), part in zip(read.pictures.items(), parts, strict=True)
        if part == arguments.part
    }
    bad = tuple(row for row in read.bad if row.path in chosen)
    listed = replace(read, pictures=chosen, bad=bad)
    wrong = frames.listed_in(frames.WRONG_BOXES) & chosen.keys()
    found = audit.find(Detector(), root, listed, bar).found
    text = (
        f"{len(wrong)} of {len(chosen):,} boxes of the {arguments.part} part are wrong.\n\n"
        + table(["boxes listed", "of them wrong", "of the wrong ones"], rows(found, wrong))
        + f"\n\n`python -m benchmarks.box_audit --part {arguments.part}`; {machine()}."
    )
    print(text)
    write_section(DOCUMENT, f"box audit {arguments.part}", text)


if __name__ == "__main__":
    main()
