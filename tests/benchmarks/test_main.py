"""Every benchmark says what it does, and `python -m benchmarks all` runs all that can run as is."""

import argparse
import importlib
import subprocess
import sys
from types import SimpleNamespace

import pytest

from benchmarks.__main__ import FIRST, NEED_ARGUMENTS, benchmarks, run_all


class ParsedError(Exception):
    """The command line was understood."""


@pytest.fixture
def parsed(monkeypatch):
    """A function that has a benchmark read a command line, and no more."""
    monkeypatch.setenv("COLUMNS", "300")
    parse = argparse.ArgumentParser.parse_args

    def parse_alone(*arguments, **options):
        parse(*arguments, **options)
        raise ParsedError

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse_alone)

    def parsed(name, *words):
        main = importlib.import_module(f"benchmarks.{name}").main
        monkeypatch.setattr(sys, "argv", [name, *words])
        try:
            main()
        except ParsedError:
            return 0
        except SystemExit as end:
            return end.code
        return "ran without reading its command line"

    return parsed


def test_each_benchmark_has_help_that_begins_as_its_first_line(parsed, capsys):
    listed = benchmarks()
    assert len(listed) > 25
    for name, line in listed.items():
        assert parsed(name, "--help") == 0, name
        printed = " ".join(capsys.readouterr().out.split())
        assert line in printed, name


def test_each_benchmark_can_run_without_arguments_or_is_known_to_need_some(parsed):
    needy = {name for name in benchmarks() if parsed(name)}
    assert needy == NEED_ARGUMENTS & benchmarks().keys()


@pytest.fixture
def ran(monkeypatch):
    """The commands that were run, with their data set; the one of `seeds` fails."""
    found = {}

    def run(command, env):
        name = command[-1].removeprefix("benchmarks.")
        assert command == [sys.executable, "-m", f"benchmarks.{name}"]
        found[name] = env.get("SIMPSONS_DATA")
        return SimpleNamespace(returncode=int(name == "seeds"))

    monkeypatch.setattr(subprocess, "run", run)
    return found


def test_all_are_given_the_data_and_the_failed_ones_named(ran, tmp_path):
    with pytest.raises(SystemExit, match=r"^failed: seeds$"):
        run_all(["--data", str(tmp_path)])
    assert ran.keys() == benchmarks().keys() - NEED_ARGUMENTS
    assert set(ran.values()) == {str(tmp_path)}
    assert next(iter(ran)) == FIRST


@pytest.mark.parametrize("options", [["--seeds", "3"], ["--data", "no/such/folder"], ["xception"]])
def test_what_not_all_can_be_given_is_refused_before_any_runs(ran, options, capsys):
    with pytest.raises(SystemExit) as end:
        run_all(options)
    assert end.value.code == 2
    assert options[-1] in capsys.readouterr().err
    assert not ran
