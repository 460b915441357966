"""What the documents say is there: commands, options, files, names, benchmarks, links."""

import ast
import importlib
import importlib.util
import re
import shlex
from pathlib import Path

import click
import pytest

from simpsons.cli import main

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "src/simpsons/weights").glob("*.md")),
]
IDS = [path.relative_to(ROOT).as_posix() for path in DOCUMENTS]
HISTORY = {"docs/log.md"}  # of what may be no more

anywhere = pytest.mark.parametrize("document", DOCUMENTS, ids=IDS)


def reference():
    spec = importlib.util.spec_from_file_location("reference", ROOT / "docs/reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["commands", "library"])
def test_the_references_are_what_the_code_says(name):
    written = (ROOT / f"docs/{name}.md").read_text("utf-8")
    assert written == getattr(reference(), name)(), "run `python docs/reference.py`"


def lines_of_commands(text):
    """The words of each call of `simpsons` in code, without comments and what follows a pipe."""
    code = re.findall(r"```.*?\n(.*?)```", text, re.S)
    inline = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.S))
    for line in [*inline, *"\n".join(code).replace("\\\n", " ").splitlines()]:
        if found := re.match(r"\s*(?:\$ )?simpsons (.*)", line):
            try:
                words = shlex.split(found[1], comments=True)
            except ValueError:
                continue
            yield words[: next((i for i, w in enumerate(words) if w in "|;&&"), len(words))]


@anywhere
def test_commands_and_options_are_there(document):
    if document.relative_to(ROOT).as_posix() in HISTORY:
        pytest.skip("is about former versions")
    for words in lines_of_commands(document.read_text("utf-8")):
        group, name = main, ""
        while isinstance(group, click.Group) and words and not words[0].startswith("-"):
            name = words.pop(0)
            if not re.fullmatch(r"[a-z]+", name):
                break  # `simpsons COMMAND`, `simpsons ...`
            found = group.get_command(click.Context(group), name)
            assert found is not None, f"simpsons {name}"
            group = found
        options = {opt for p in group.params for opt in (*p.opts, *p.secondary_opts)} | {"--help"}
        if name == "bulk" and words[:1] == ["status"]:
            continue
        given = {word.partition("=")[0] for word in words if word.startswith("--") and word != "--"}
        assert given <= options | {"--version"}, f"simpsons {name}: {given - options}"


@anywhere
def test_links_lead_somewhere(document):
    text = re.sub(r"```.*?```", "", document.read_text("utf-8"), flags=re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        place, _, anchor = target.partition("#")
        path = (document.parent / place).resolve() if place else document
        assert path.exists(), target
        if anchor and path.suffix == ".md":
            assert anchor in anchors(path), target


def anchors(path):
    titles = re.findall(r"^#+ (.*)$", path.read_text("utf-8"), re.M)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@anywhere
def test_files_benchmarks_and_names_are_there(document):
    if document.relative_to(ROOT).as_posix() in HISTORY:
        pytest.skip("is about former versions")
    text = document.read_text("utf-8")
    for path in re.findall(r"`((?:src|tests|benchmarks|docs)/[\w./-]+)`", text):
        assert (ROOT / path).exists(), path
    for name in re.findall(r"python -m (benchmarks(?:\.\w+)*)", text):
        place = ROOT / name.replace(".", "/")
        assert place.with_suffix(".py").exists() or (place / "__main__.py").exists(), name
    for name in re.findall(r"`(simpsons(?:\.\w+)+)(?:\(\))?`", text):
        assert resolves(name), name


def resolves(dotted):
    """Whether a dotted name is a module, or an attribute of one."""
    words = dotted.split(".")
    for count in range(len(words), 0, -1):
        try:
            found = importlib.import_module(".".join(words[:count]))
        except ModuleNotFoundError:
            continue
        for word in words[count:]:
            if not hasattr(found, word):
                return False
            found = getattr(found, word)
        return True
    return False


@anywhere
def test_what_examples_import_is_there(document):
    blocks = re.findall(r"```python\n(.*?)```", document.read_text("utf-8"), re.S)
    for node in [node for block in blocks for node in ast.walk(ast.parse(block))]:
        if isinstance(node, ast.ImportFrom) and node.module.partition(".")[0] == "simpsons":
            for alias in node.names:
                assert resolves(f"{node.module}.{alias.name}"), f"{node.module}: {alias.name}"
        elif isinstance(node, ast.Import):
            for alias in node.names:
                assert alias.name.partition(".")[0] != "simpsons" or resolves(alias.name)
