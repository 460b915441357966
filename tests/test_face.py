"""The library has the commands' names and options, and importing it costs none of their extras."""

import inspect
import subprocess
import sys
from pathlib import Path

import click
import pytest

import simpsons
from simpsons.api import data
from simpsons.cli import main

_NO_FUNCTION = {
    "bulk": "an engine calls simpsons.bulk.classify_part and detect_part",
    "demo": "a walk through the commands",
    "models": "prints a table of simpsons.models.summary",
}
_RENAMED = {"import": "import_keras"}
_OF_PRINTING = {"as_json", "as_csv", "is_opened"}
_OTHERWISE = {
    ("predict", "named"): "pictures",
    ("predict", "paths_from"): None,  # a list is given as such
    ("detect", "named"): "pictures",
    ("detect", "paths_from"): None,
    ("embed", "named"): "pictures",
    ("embed", "paths_from"): None,
    ("serve", "names"): "allow_host",
    ("label", "names"): "allow_host",
    ("label", "status"): None,  # simpsons.labelling.session.Session
    ("label", "write"): None,  # simpsons.dataset.project_export.write
    ("label", "frames"): None,
    ("compare", "first"): "first",
}


def commands():
    context = click.Context(main)
    for name in main.list_commands(context):
        if name == "data":
            group = main.get_command(context, name)
            yield from (("data", one, command) for one, command in group.commands.items())
        elif name not in _NO_FUNCTION:
            yield ("", name, main.get_command(context, name))


@pytest.mark.parametrize(
    ("room", "name", "command"), [pytest.param(*one, id=" ".join(one[:2])) for one in commands()]
)
def test_each_command_has_a_function_of_its_name_and_options(room, name, command):
    function = getattr(data if room else simpsons, _RENAMED.get(name, name))
    has = set(inspect.signature(function).parameters)
    asked = {
        _OTHERWISE.get((name, option.name), option.name)
        for option in command.params
        if option.name not in _OF_PRINTING
    } - {None}
    assert asked - has == set()
    docs = inspect.getdoc(function)
    for parameter in has:
        assert parameter in docs, f"{parameter} is not described"


@pytest.mark.parametrize(
    ("room", "name", "command"), [pytest.param(*one, id=" ".join(one[:2])) for one in commands()]
)
def test_the_defaults_are_the_commands(room, name, command):
    function = getattr(data if room else simpsons, _RENAMED.get(name, name))
    parameters = inspect.signature(function).parameters
    for option in command.params:
        parameter = parameters.get(_OTHERWISE.get((name, option.name), option.name) or "")
        if parameter is None or isinstance(option, click.Argument) or option.required:
            continue
        default = option.default
        if not isinstance(default, str | int | float | Path):  # click's name for none differs
            default = False if option.is_flag else None
        if (name, option.name) == ("audit", "report"):
            continue  # the command always writes one
        if (name, option.name) == ("train", "device"):
            continue  # None is auto, and is told from auto with --resume
        given = None if parameter.default == () else parameter.default
        assert given == default or str(given) == str(default), option.name


def test_what_is_public_is_one_list():
    assert set(simpsons.__all__) <= set(dir(simpsons))
    for name in simpsons.__all__:
        assert getattr(simpsons, name).__doc__


def test_the_package_imports_neither_pytorch_nor_the_functions_that_need_it():
    script = (
        "import sys, simpsons; assert simpsons.Classifier and simpsons.predict; "
        "heavy = {'torch', 'matplotlib', 'sklearn', 'av', 'fastapi', 'click'} & set(sys.modules); "
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'guess'"):
        simpsons.guess  # noqa: B018
