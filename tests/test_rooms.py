"""Imports between the rooms of the package go one way, and the light rooms never reach PyTorch."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src/simpsons"


def rooms():
    """The rooms in the order of the table in docs/how-it-works.md: sets of names."""
    text = (ROOT / "docs/how-it-works.md").read_text("utf-8")
    table = text[text.index("## Where things are") : text.index("## Pixels")]
    firsts = re.findall(r"^\| (\[?`.*?) \|", table, re.M)
    return [{n.rstrip("/").removesuffix(".py") for n in re.findall(r"`(\w+/?(?:\.py)?)`", one)}
            for one in firsts]  # fmt: skip


def modules():
    for path in sorted(SOURCE.rglob("*.py")):
        name = path.relative_to(SOURCE).parts[0].removesuffix(".py")
        if name not in ("__init__", "__main__"):
            yield name, path


def imported(path):
    """The rooms that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("simpsons"):
            words = node.module.split(".")
            yield from [words[1]] if len(words) > 1 else [alias.name for alias in node.names]


def test_every_module_has_a_room():
    known = set().union(*rooms())
    assert {name for name, _ in modules()} <= known


@pytest.mark.parametrize("place", range(18))
def test_a_room_imports_only_those_above_it(place):
    listed = rooms()
    assert len(listed) == 18
    above = set().union(*listed[: place + 1])
    below = set().union(*listed) - above
    for name, path in modules():
        if name in listed[place]:
            assert not set(imported(path)) & below, path
