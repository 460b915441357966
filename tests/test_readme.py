"""What the README's first screen shows is what its commands print."""

import re
import shlex
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = [(kind, text) for kind, text in re.findall(r"^```(\w*)\n(.*?)^```$", README, re.M | re.S)]
NUMBER = re.compile(r"\d+(?:\.\d+)?")


@pytest.fixture(autouse=True)
def here(monkeypatch):
    monkeypatch.chdir(ROOT)


def require_alike(said, shown):
    """Require the same text, with numbers as near as two processors compute them."""
    assert NUMBER.sub("#", said) == NUMBER.sub("#", shown)
    assert [*map(float, NUMBER.findall(said))] == pytest.approx(
        [*map(float, NUMBER.findall(shown))], abs=1
    )


def test_the_first_command_prints_what_is_below_it(cli):
    (_, command), (_, shown) = BLOCKS[:2]
    program, *words = shlex.split(command.split("&&")[-1])
    assert Path(program).name == "simpsons"
    require_alike(cli(*words).stdout, shown)


def test_the_lines_of_python_print_what_their_comment_says(capsys):
    code = next(text for kind, text in BLOCKS if kind == "python")
    assert len(code.splitlines()) <= 5
    exec(compile(code, "README.md", "exec"), {})
    require_alike(capsys.readouterr().out, code.split("# ")[-1])
