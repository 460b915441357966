"""How far a run is, and what it has found: for people, programs and a page."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simpsons.bulk.manifest import Manifest
from simpsons.bulk.parts import Summary
from simpsons.characters import display_name
from simpsons.classifier import UNKNOWN
from simpsons.files import require_replaceable, write_text

_TEMPLATE = "totals.html.jinja"
_SIGN = (
    rb'\A<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<meta name="viewport" '
    rb'content="width=device-width, initial-scale=1">\n<title>Totals of '
)


@dataclass
class Totals:
    """The finished parts of a run, added up.

    parts, pictures, rows: how many are finished. seconds: of all parts one after the other.
    verdicts: rows by verdict. errors: pictures by kind. machines: parts by machine. versions: the
    different sets of what made parts.
    """

    manifest: Manifest
    parts: int = 0
    pictures: int = 0
    rows: int = 0
    seconds: float = 0.0
    verdicts: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    machines: Counter[str] = field(default_factory=Counter)
    versions: list[dict[str, str]] = field(default_factory=list)

    def add(self, summaries: Iterable[Summary]) -> "Totals":
        """Count some parts more; returns itself."""
        for one in summaries:
            self.parts += 1
            self.pictures += one.pictures
            self.rows += one.rows
            self.seconds += one.seconds
            self.verdicts.update(one.verdicts)
            self.errors.update(one.errors)
            self.machines[one.machine] += 1
            if dict(one.versions) not in self.versions:
                self.versions.append(dict(one.versions))
        return self

    @property
    def is_finished(self) -> bool:
        """Whether no part is left."""
        return self.parts == self.manifest.parts

    def characters(self) -> list[tuple[str, int]]:
        """Names as people say them with their rows, most first, and `unknown` last."""
        known = most_first(self.verdicts)
        named = [(display_name(label), count) for label, count in known if label != UNKNOWN]
        return named + [(UNKNOWN, self.verdicts[UNKNOWN])] * (UNKNOWN in self.verdicts)

    def to_json(self) -> dict[str, Any]:
        """Everything, for programs."""
        manifest = self.manifest
        return {
            "target": manifest.target,
            "source": manifest.source,
            "task": manifest.work.task,
            "model": manifest.work.model,
            "finished": self.is_finished,
            "parts": {"finished": self.parts, "all": manifest.parts},
            "pictures": {"finished": self.pictures, "all": manifest.rows},
            "rows": self.rows,
            "seconds": round(self.seconds, 3),
            "verdicts": dict(most_first(self.verdicts)),
            "errors": dict(most_first(self.errors)),
            "machines": dict(most_first(self.machines)),
            "versions": self.versions,
        }

    def lines(self) -> list[str]:
        """For a terminal."""
        manifest = self.manifest
        lines = [
            f"{self.parts:,} of {manifest.parts:,} parts, {self.pictures:,} of {manifest.rows:,} "
            "pictures"
        ]
        if self.seconds and not self.is_finished:
            left = self.seconds / self.pictures * (manifest.rows - self.pictures)
            lines[0] += (
                f"; {self.pictures / self.seconds:,.0f} a second and worker, so "
                f"{left / 3600:,.2f} hours of one worker are left"
            )
        width = max([len(name) for name, _ in self.characters()] + [0])
        lines += [f"  {name:{width}}  {count:>11,}" for name, count in self.characters()]
        if self.errors:
            said = ", ".join(f"{count:,} {kind}" for kind, count in most_first(self.errors))
            lines.append(f"not answered: {said}")
        if len(self.versions) > 1:
            lines.append(f"made by {len(self.versions)} different sets of versions; see --json")
        return lines

    def write_page(self, path: Path) -> None:
        """One HTML file with the totals as bars; it loads nothing.

        Raises SimpsonsError if a file that is no such page is there.
        """
        from jinja2 import Environment, PackageLoader

        require_replaceable(path, "a page of totals", _SIGN)
        environment = Environment(
            loader=PackageLoader("simpsons.bulk", "."), autoescape=True, trim_blocks=True
        )
        most = max(self.verdicts.values(), default=1)
        page = environment.get_template(_TEMPLATE).render(
            totals=self,
            manifest=self.manifest,
            errors=most_first(self.errors),
            characters=[(name, count, 100 * count / most) for name, count in self.characters()],
        )
        write_text(path, page)


def most_first(counted: Counter[str]) -> list[tuple[str, int]]:
    """What was counted, with its count; by name where there are as many."""
    return sorted(counted.items(), key=lambda one: (-one[1], one[0]))
