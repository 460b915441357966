"""The command `simpsons`: each command parses, calls the Python API and prints."""

from simpsons.cli.main import main

__all__ = ["main"]
