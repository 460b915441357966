"""`embed` and `similar`: vectors of many pictures, kept in a file, and the nearest of one."""

from __future__ import annotations

import csv
import heapq
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simpsons import urls
from simpsons.classifier import Failure
from simpsons.errors import DataError
from simpsons.files import csv_line, require_replaceable, whole
from simpsons.pixels import images
from simpsons.pixels.picture_files import Expansion
from simpsons.progress import Track, silent
from simpsons.project.embedding import MODEL, Embedder, Embedding, Vectors
from simpsons.project.pictures import crops
from simpsons.project.rows import RowFile
from simpsons.project.store import EMBEDDINGS, Project, is_project

SUFFIXES = (".npy", ".parquet")
"""Of a file of vectors."""

_COLUMNS = ("path", "embedding")
_VECTORS = "a file of vectors"
_BLOCK = 1024  # rows of a Parquet file, or of a comparison, at once


@dataclass(frozen=True)
class Similar:
    """A picture that is like another one. similarity: the cosine of their vectors, -1 to 1."""

    path: str
    similarity: float


@dataclass(frozen=True)
class Embedded:
    """paths: of the pictures that could be read. vectors: float32 `[N, D]`, a row for each.

    failures: the other pictures.
    """

    paths: tuple[str, ...]
    vectors: Vectors
    failures: tuple[Failure, ...]


def embed(
    pictures: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    out: str | os.PathLike[str] | None = None,
    model: str | os.PathLike[str] = MODEL,
    track: Track = silent,
) -> Embedded:
    """Pictures as vectors of length 1; the product of two is near 1 for the same character.

    Args:
        pictures: a file, a folder, a pattern, or several of them. A project of `collect` stands for
            its faces, in the order of its faces.csv.
        out: a .npy or .parquet file to write them to, too.
        model: xception, or an ONNX file or run folder of its kind.
        track: shows progress, such as `simpsons.progress.bar`.

    Raises:
        DataError: for a folder without pictures, or an output that is of neither kind.
        SimpsonsError: for an output that is there and has no such vectors.
        ModelError: for a network of another kind.
        OSError: where the output can't be written.
    """
    if out is not None:
        require_target(out)
    embedder = Embedder(model)
    paths = list(_paths_of(pictures))
    kept: list[Embedding] = []
    failures: list[Failure] = []
    for one in track(embedder.embed_all(paths), len(paths), "embedding"):
        if isinstance(one, Failure):
            failures.append(one)
        else:
            kept.append(one)
    if out is not None:
        with writing(out, embedder.size) as add:
            for one in kept:
                add(one)
    vectors = [one.vector for one in kept]
    rows = np.stack(vectors) if vectors else np.empty((0, embedder.size), np.float32)
    return Embedded(tuple(str(one.path) for one in kept), rows, tuple(failures))


def similar(
    picture: images.Source,
    among: str | os.PathLike[str],
    *,
    top: int = 10,
    model: str | os.PathLike[str] = MODEL,
    track: Track = silent,
) -> list[Similar]:
    """The pictures of a folder that are most like one, the most alike first, in constant memory.

    Args:
        picture: what `images.decode` takes.
        among: a folder; a project, whose faces are compared; or a file that `embed` wrote with the
            same model. The picture itself is left out, as are pictures that can't be read.
        top: how many.
        model: xception, or an ONNX file or run folder of its kind.
        track: shows progress, such as `simpsons.progress.bar`.

    Raises:
        ImageError: for a picture that can't be read.
        DataError: for a folder without pictures, or a file that has no such vectors.
        ModelError: for a network of another kind.
    """
    embedder = Embedder(model)
    asked = embedder.embed(picture)
    itself = os.path.realpath(picture) if isinstance(picture, str | os.PathLike) else None
    best: list[tuple[float, str]] = []
    for paths, vectors in _blocks(Path(among), embedder, track):
        for path, cosine in zip(paths, (vectors @ asked).tolist(), strict=True):
            if os.path.realpath(path) != itself:
                best.append((-cosine, path))
        best = heapq.nsmallest(top, best)
    return [Similar(path, -cosine) for cosine, path in best]


@contextmanager
def writing(target: str | os.PathLike[str], size: int) -> Iterator[Callable[[Embedding], None]]:
    """A function that adds vectors to a file, which is there when the block ends well.

    target: `.npy`, float32 `[N, D]`, with the paths beside it in `.paths.csv`, or `.parquet` with
    the columns `path` and `embedding`. size: D. Raises DataError for another ending.
    """
    target = require_target(target)
    if target.suffix.lower() == ".parquet":
        with whole(target) as temporary, _parquet(temporary, size) as add:
            yield add
        return
    with (
        whole(paths_beside(target)) as listing,
        whole(target) as temporary,
        listing.open("w", encoding="utf-8", errors="surrogateescape", newline="") as paths,
        RowFile(temporary, (size,), np.float32) as rows,
    ):
        paths.write("path\n")

        def add(one: Embedding) -> None:
            paths.write(f"{csv_line([one.path or ''])}\n")
            rows.add(one.vector[None])

        yield add
        rows.publish()


def require_target(target: str | os.PathLike[str]) -> Path:
    """The path of a file of vectors.

    Raises DataError for another ending, a missing package, or the file that a project has, and
    SimpsonsError for a file that `writing` did not write.
    """
    target = Path(target)
    if target.name == EMBEDDINGS and is_project(target.parent):
        raise DataError(f"{target}: belongs to the project; give another name")
    if target.suffix.lower() not in SUFFIXES:
        raise DataError(f"{target}: is no {' or '.join(SUFFIXES)} file; give a name that ends so")
    if target.suffix.lower() == ".parquet":
        import pyarrow.parquet  # noqa: F401 (to know before long work whether it is there)

        require_replaceable(target, _VECTORS, *([rb"\APAR1"] if _has_vectors(target) else []))
    else:
        require_replaceable(paths_beside(target), "a list of paths", rb"\Apath\r?\n")
        signs = [rb"\A\x93NUMPY"] if paths_beside(target).exists() else []
        require_replaceable(target, _VECTORS, *signs)
    return target


def _has_vectors(path: Path) -> bool:
    import pyarrow.parquet

    try:
        return tuple(pyarrow.parquet.read_schema(path).names) == _COLUMNS
    except (OSError, pyarrow.ArrowInvalid):
        return False


def paths_beside(vectors: Path) -> Path:
    """The file that lists the paths of a NumPy file's rows."""
    return vectors.with_suffix(".paths.csv")


@contextmanager
def _parquet(target: Path, size: int) -> Iterator[Callable[[Embedding], None]]:
    import pyarrow
    import pyarrow.parquet

    kind = pyarrow.list_(pyarrow.float32(), size)
    columns = zip(_COLUMNS, (pyarrow.string(), kind), strict=True)
    schema = pyarrow.schema([pyarrow.field(name, of) for name, of in columns])
    waiting: list[Embedding] = []
    with pyarrow.parquet.ParquetWriter(target, schema, compression="zstd") as file:

        def put() -> None:
            if waiting:
                flat = np.concatenate([one.vector for one in waiting])
                paths = [(one.path or "").encode(errors="backslashreplace") for one in waiting]
                vectors = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(flat), type=kind)
                named = pyarrow.array([path.decode() for path in paths], pyarrow.string())
                file.write_table(pyarrow.Table.from_arrays([named, vectors], schema=schema))
                waiting.clear()

        def add(one: Embedding) -> None:
            waiting.append(one)
            if len(waiting) == _BLOCK:
                put()

        yield add
        put()


def _paths_of(pictures: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]) -> Iterator[str]:
    """Raises DataError for a folder that has none."""
    given = [pictures] if isinstance(pictures, str | os.PathLike) else pictures

    def refuse(_path: str, reason: str) -> None:
        raise DataError(reason)

    return Expansion(refuse, instead=crops).pictures(os.fspath(one) for one in given)


_Block = tuple[list[str], Vectors]


def _blocks(among: Path, embedder: Embedder, progress: Track) -> Iterator[_Block]:
    """Paths and their vectors, some at a time."""
    if said := urls.refusal(among, "folder"):
        raise DataError(said)
    if not among.exists():
        raise DataError(f"{among}: no such folder or file; give one with pictures or vectors")
    if among.is_file():
        yield from _of_file(among, embedder.size)
    elif is_project(among) and (project := Project.open(among)).faces:
        paths = [str(project.root / face.crop) for face in project.faces]
        if project.embedding == embedder.fingerprint:
            for start in range(0, len(paths), _BLOCK):
                block = slice(start, start + _BLOCK)
                yield paths[block], np.asarray(project.embeddings[block])
        else:
            yield from _embedded(paths, embedder, progress)
    else:
        yield from _embedded(list(_paths_of(among)), embedder, progress)


def _embedded(paths: list[str], embedder: Embedder, progress: Track) -> Iterator[_Block]:
    for one in progress(embedder.embed_all(paths), len(paths), "embedding"):
        if isinstance(one, Embedding):
            yield [str(one.path)], one.vector[None]


def _of_file(path: Path, size: int) -> Iterator[_Block]:
    try:
        blocks = _of_parquet(path) if path.suffix.lower() == ".parquet" else _of_numpy(path)
        for paths, vectors in blocks:
            if vectors.shape != (len(paths), size):
                raise ValueError(f"rows of shape {list(vectors.shape)}, {len(paths)} paths")
            yield paths, vectors
    except FileNotFoundError as error:
        raise DataError(f"{error.filename}: is missing; make it with `simpsons embed`") from None
    except (OSError, EOFError, ValueError, KeyError, csv.Error) as error:
        raise DataError(
            f"{path}: has no vectors of {size} numbers with their paths ({error}); make it with "
            "`simpsons embed` and the same --model"
        ) from None


def _of_numpy(path: Path) -> Iterator[_Block]:
    with path.open("rb") as file:
        if file.read(6) != b"\x93NUMPY":  # else NumPy takes it for a pickle
            raise ValueError("is no NumPy file")
    vectors: NDArray[np.float32] = np.load(path, mmap_mode="r", allow_pickle=False)
    beside = paths_beside(path)
    with beside.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        paths = [row["path"] for row in csv.DictReader(file)]
    if len(paths) != len(vectors):
        raise ValueError(f"{len(vectors):,} rows, and {len(paths):,} paths in {beside.name}")
    for start in range(0, len(paths), _BLOCK):
        block = slice(start, start + _BLOCK)
        yield paths[block], np.asarray(vectors[block], np.float32)


def _of_parquet(path: Path) -> Iterator[_Block]:
    import pyarrow.parquet

    file: Any = pyarrow.parquet.ParquetFile(path)
    for batch in file.iter_batches(_BLOCK, columns=list(_COLUMNS)):
        named, listed = batch.columns
        flat = np.asarray(listed.flatten(), np.float32)
        yield named.to_pylist(), flat.reshape(len(named), -1)
