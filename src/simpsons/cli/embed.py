"""`simpsons embed` and `simpsons similar`."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import click

from simpsons.classifier import Failure
from simpsons.cli import options, pictures
from simpsons.cli.terminal import say
from simpsons.progress import bar
from simpsons.project import neighbours
from simpsons.project.embedding import MODEL, Embedder, Embedding

_model = click.option(
    "--model",
    default=MODEL,
    show_default=True,
    metavar="MODEL",
    help="xception, or an ONNX file or run folder of its kind.",
)


@click.command()
@pictures.argument
@click.option(
    "--out",
    type=options.OUTPUT,
    required=True,
    metavar="FILE",
    help="Where to write: .npy, with the paths in .paths.csv beside it, or .parquet.",
)
@_model
@pictures.paths_from
@options.as_json
def embed(
    named: tuple[str, ...], out: Path, model: str, paths_from: BinaryIO | None, as_json: bool
) -> None:
    """Write PICTURES as vectors: files, folders, globs, or - for a picture on standard input.

    \b
    simpsons embed faces/ --out faces.npy
    simpsons embed faces/ "more/*.png" --out faces.parquet

    A vector has 512 numbers and the length 1; the product of two is near 1 where they show the same
    character, also one whom the networks don't know. A project of `simpsons collect` stands for its
    faces, in the order of its faces.csv. A picture that can't be read is reported and
    has no row: exit code 1 then, and 2 when none could be read.
    """
    pictures.require_pictures(named, paths_from, False, False)
    neighbours.require_target(out)
    embedder = Embedder(model)
    count, failures = 0, []
    with neighbours.writing(out, embedder.size) as add:

        def put(result: Embedding | Failure, _written: Mapping[str, str]) -> None:
            nonlocal count
            if isinstance(result, Failure):
                failures.append(result)
                pictures.print_error(result)
            else:
                add(result)
                count += 1

        code = pictures.answer(
            named, paths_from, embedder.embed_all, put, "embedding", prints=False
        )
        if code == 2:
            sys.exit(code)
    if as_json:
        problems = [failure.to_json() for failure in failures]
        rows = {"rows": count, "numbers": embedder.size, "out": str(out)}
        options.print_json({**rows, "problems": problems})
    else:
        say(f"wrote {out}: {count:,} x {embedder.size}")
    sys.exit(code)


@click.command()
@click.argument("picture", type=options.FILE)
@click.argument("among", metavar="FOLDER", type=options.FOLDER)
@click.option(
    "--top", type=click.IntRange(min=1), default=10, show_default=True, help="How many to show."
)
@_model
@options.as_json
def similar(picture: Path, among: str, top: int, model: str, as_json: bool) -> None:
    """Show the pictures of FOLDER that are most like PICTURE, with the cosine of their vectors.

    \b
    simpsons similar maggie.jpg drawings/
    simpsons similar maggie.jpg springfield --top 40 --json

    FOLDER is a folder of pictures, a project of `simpsons collect`, whose faces are compared, or a
    file that `simpsons embed` wrote. PICTURE itself is left out.
    """
    found = neighbours.similar(picture, among, top=top, model=model, track=bar)
    if as_json:
        options.print_json([{"path": one.path, "similarity": one.similarity} for one in found])
        return
    for one in found:
        say(f"{one.similarity:6.3f}  {one.path}")
    if not found:
        say("no other picture there")
