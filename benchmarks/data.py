"""The real pictures that benchmarks measure on."""

import argparse
from pathlib import Path

from simpsons.dataset import kaggle


def data_option(parser: argparse.ArgumentParser) -> None:
    """`--data FOLDER`: the data set; without it the installed one."""
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="the data set's folder")


def folder(arguments: argparse.Namespace) -> Path:
    """The folder given, else the installed data set."""
    return kaggle.resolve(arguments.data)
