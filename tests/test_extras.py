"""What an extra has is installed from the project's folder, by all that says so."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import simpsons
from simpsons import extras
from simpsons.cli.main import COMMANDS

ROOT = Path(__file__).parents[1]


def test_the_remedy_names_the_package_and_its_extra():
    said = extras.remedy("serving", ModuleNotFoundError(name="uvicorn"))
    assert said.startswith(
        "serving needs uvicorn: run pip install '.[app]' in the project's folder"
    )
    deeper = extras.remedy("training", ModuleNotFoundError(name="torch.nn"))
    assert "'.[train]'" in deeper
    assert extras.remedy("this", ModuleNotFoundError(name="colorama")) is None
    assert extras.remedy("this", ModuleNotFoundError()) is None


def test_every_extra_that_is_named_is_declared():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(extras.EXTRAS.values()) == declared["optional-dependencies"].keys() - {"dev"}


def test_a_function_that_lacks_its_packages_says_how_to_get_them(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("simpsons.project")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "simpsons.project.collecting", None)
    with pytest.raises(ModuleNotFoundError, match=r"simpsons\.project"):  # a fault of our own
        simpsons.collect  # noqa: B018
    lacking = (
        "import sys; sys.modules.update(dict.fromkeys(('av', 'scenedetect', 'cv2')))\n"
        "import simpsons; simpsons.collect"
    )
    result = subprocess.run([sys.executable, "-c", lacking], capture_output=True, text=True)
    assert result.returncode == 1
    assert "simpsons.collect needs av: run pip install '.[video]' in " in result.stderr


def test_nothing_says_to_install_the_projects_name_from_a_package_index():
    """It may be another project's."""
    listed = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"]
    for folder, ends in (
        ("docs", ("*.md", "*.ipynb")),
        ("src", ("*.py", "*.md", "*.html", "*.js")),
    ):
        listed += [path for end in ends for path in (ROOT / folder).rglob(end)]
    by_name = re.compile(r"(pip|uvx?|pipx)( tool)? install [^`\n]*?['\" ]simpsons\b")
    found = [path for path in listed if by_name.search(path.read_text(encoding="utf-8"))]
    assert len(listed) > 100
    assert found == []


WITH = {
    (): ("predict", "detect"),
    ("train",): (
        *("train", "evaluate", "compare", "audit", "export", "import_keras", "data", "embed"),
        *("similar", "models", "demo"),
    ),
    ("app",): ("serve",),
    ("video",): ("timeline",),
    ("bulk",): ("bulk",),
    ("train", "video"): ("collect",),
    ("train", "app"): ("label",),
}
"""The extras that a command and its function need, and no more."""


@pytest.mark.parametrize(("needed", "names"), WITH.items(), ids=map("+".join, WITH))
def test_a_command_and_its_function_need_no_other_extra(needed, names):
    others = [package for package, extra in extras.EXTRAS.items() if extra not in needed]
    script = (
        "import importlib, sys\n"
        f"sys.modules.update(dict.fromkeys({others!r}))\n"
        "import simpsons\n"
        "from simpsons.cli.main import COMMANDS\n"
        f"for name in {names!r}:\n"
        "    command = {'import_keras': 'import', 'audit': 'data'}.get(name, name)\n"
        "    importlib.import_module(COMMANDS[command][0].partition(':')[0])\n"
        "    if name not in ('models', 'demo'):\n"
        "        getattr(simpsons, name)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_each_command_is_among_them():
    named = {name for names in WITH.values() for name in names}
    assert {"import_keras" if name == "import" else name for name in COMMANDS} == named - {"audit"}
