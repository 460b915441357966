"""The frozen list of a run's pictures, cut into numbered parts, and what is done with them."""

import hashlib
import json
import os
import tempfile
import threading
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

from simpsons.bulk.errors import BulkError
from simpsons.bulk.locations import Entry
from simpsons.bulk.stores import Store, open_store, reading, write_patiently
from simpsons.files import whole

NAME, LIST = "manifest.json", "manifest.parquet"
FORMAT = 1
PART_SIZE = 5000
"""Pictures of a part, unless told otherwise."""

_READING = threading.Lock()
_SCHEMA = pyarrow.schema(
    [
        ("path", pyarrow.binary()),
        ("archive", pyarrow.dictionary(pyarrow.int32(), pyarrow.binary())),
        ("offset", pyarrow.int64()),
        ("size", pyarrow.int64()),
    ]
)


@dataclass(frozen=True)
class Work:
    """What is done with each picture: all that the rows depend on.

    task: `classify` or `detect`. model, faces: as `--model` and `--faces` name them; `faces` is
    empty for `classify`. model_sha256, faces_sha256: of the ONNX files. top: labels with their
    probabilities a row. minimum: score of a face, None for the detector's.
    """

    task: str
    model: str
    model_sha256: str
    faces: str = ""
    faces_sha256: str = ""
    top: int = 3
    minimum: float | None = None

    def same_rows(self, other: "Work") -> bool:
        """Whether both write the same: a file may have moved."""
        return self._without_names() == other._without_names()

    def _without_names(self) -> dict[str, Any]:
        said = asdict(self)
        return {key: said[key] for key in said if key not in ("model", "faces")}


@dataclass(frozen=True)
class Manifest:
    """A frozen run.

    target: where it writes. work: see `Work`. source: as it was named. base: what its relative
    paths begin with. options: of the file system of its bucket. rows, parts, part_size: how many
    pictures, parts, and pictures a part. list_sha256: of the list of pictures.
    """

    target: str
    work: Work
    source: str
    base: str
    options: str
    column: str
    rows: int
    part_size: int
    list_sha256: str

    @property
    def parts(self) -> int:
        """How many there are."""
        return -(-self.rows // self.part_size)

    @property
    def plan(self) -> str:
        """Of whom each finished part says that it is: changes with the list and the work."""
        said = [self.work._without_names(), self.rows, self.part_size, self.list_sha256]
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]

    def first_row(self, part: int) -> int:
        """The number of the first picture of a part, from 0."""
        return part * self.part_size

    def rows_of(self, part: int) -> int:
        """How many pictures a part has."""
        return min(self.part_size, self.rows - self.first_row(part))

    def entries(self, part: int) -> list[Entry]:
        """The pictures of a part."""
        with _READING, reading(f"{self.target}: {LIST}"):
            table = _list_file(self.target, self.list_sha256).read_row_group(part)
        return list(_entries(table))

    def to_json(self) -> dict[str, Any]:
        """What is in the file of it."""
        said = {key: value for key, value in asdict(self).items() if key != "target"}
        return {"format": FORMAT, "parts": self.parts, "plan": self.plan} | said


def freeze(
    target: str,
    entries: Iterable[Entry],
    work: Work,
    *,
    source: str,
    base: str = "",
    options: str = "",
    column: str = "path",
    part_size: int = PART_SIZE,
    seconds: float = 0.0,
) -> Manifest:
    """Write the list of pictures and what is done with them to the target.

    seconds: to wait while the target takes nothing.

    Raises BulkError for no picture at all, or a target that has parts already.
    """
    store = open_store(target)
    with reading(target):
        names = store.sizes()
    if any(name.startswith("part-") for name in names):
        raise BulkError(
            f"{target}: has parts but no {NAME} that they belong to; use an empty target"
        )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / LIST
        rows = _write_list(path, entries, part_size)
        if not rows:
            raise BulkError(f"{source}: has no pictures; check the path")
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
        manifest = Manifest(
            target, work, source, base, options, column, rows, part_size, digest.hexdigest()
        )
        write_patiently(lambda: store.take(LIST, path), f"{target}: {LIST}", seconds)
    content = f"{json.dumps(manifest.to_json(), indent=1)}\n".encode()
    write_patiently(lambda: store.write(NAME, content), f"{target}: {NAME}", seconds)
    return manifest


def read(target: str) -> Manifest | None:
    """The manifest of a target; None if it has none. Raises BulkError for one that is damaged."""
    store = open_store(target)
    try:
        with reading(f"{target}: {NAME}"):
            content = store.read(NAME)
    except FileNotFoundError:
        return None
    return parse(target, content)


def parse(target: str, content: bytes) -> Manifest:
    """The manifest that a file says. Raises BulkError."""
    try:
        said = json.loads(content)
        work = Work(**said["work"])
        if said["format"] != FORMAT:
            raise ValueError
        kept = {one.name: said[one.name] for one in fields(Manifest) if one.name in said}
        return Manifest(**(kept | {"target": target, "work": work}))
    except (ValueError, KeyError, TypeError):
        raise BulkError(
            f"{target}: its {NAME} is of another version of simpsons, or damaged; use an empty "
            "target, or the version that wrote it"
        ) from None


def require_same_work(manifest: Manifest, work: Work) -> None:
    """Raises BulkError if the parts of a target were, or will be, made otherwise."""
    if manifest.work.same_rows(work):
        return
    before, now = manifest.work._without_names(), work._without_names()
    changed = [
        f"{name.replace('_', ' ')} {_short(before[name])}, now {_short(now[name])}"
        for name in before
        if before[name] != now[name]
    ]
    raise BulkError(
        f"{manifest.target}: its parts are made with {'; '.join(changed)}; write to another target "
        f"by --out, or go on as before by `simpsons bulk --out {manifest.target}`"
    )


def require_same_list(manifest: Manifest, entries: Iterable[Entry]) -> None:
    """Raises BulkError if a source lists other pictures than when the manifest was frozen."""
    store = open_store(manifest.target)
    for row, (before, now) in enumerate(zip_longest(listed(store), entries)):
        if before != now:
            was = f"was {before.path}" if before else "was not there"
            is_now = f"is {now.path}" if now else "is not there"
            raise BulkError(
                f"{manifest.source}: lists other pictures than when {manifest.target} was begun "
                f"(number {row + 1} {was}, and {is_now}); write to another target by --out, or go "
                f"on with the old list by `simpsons bulk --out {manifest.target}`"
            )


def listed(store: Store) -> Iterator[Entry]:
    """Every picture of a frozen list."""
    with reading(LIST), store.open(LIST) as opened, pyarrow.parquet.ParquetFile(opened) as file:
        for number in range(file.num_row_groups):
            yield from _entries(file.read_row_group(number))


def sha256_of(path: str | os.PathLike[str]) -> str:
    """Of the content of a file."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_list(path: Path, entries: Iterable[Entry], part_size: int) -> int:
    """A row group a part; returns the rows."""
    rows = 0
    remaining = iter(entries)
    with (
        whole(path) as temporary,
        pyarrow.parquet.ParquetWriter(temporary, _SCHEMA, compression="zstd") as writer,
    ):
        while some := list(islice(remaining, part_size)):
            columns = {
                "path": [os.fsencode(one.path) for one in some],
                "archive": [
                    None if one.archive is None else os.fsencode(one.archive) for one in some
                ],
                "offset": [one.offset for one in some],
                "size": [one.size for one in some],
            }
            table = pyarrow.Table.from_pydict(columns, _SCHEMA)
            writer.write_table(table, row_group_size=part_size)
            rows += len(some)
    return rows


def _entries(table: Any) -> Iterator[Entry]:
    columns = (table.column(name).to_pylist() for name in _SCHEMA.names)
    for path, archive, offset, size in zip(*columns, strict=True):
        yield Entry(
            os.fsdecode(path), None if archive is None else os.fsdecode(archive), offset, size
        )


@lru_cache(maxsize=2)
def _list_file(target: str, _sha256: str) -> Any:
    """Kept open: its footer says where each part is, and grows with the parts."""
    return pyarrow.parquet.ParquetFile(open_store(target).open(LIST), pre_buffer=False)


def _short(value: Any) -> str:
    return f"{value[:12]}..." if isinstance(value, str) and len(value) == 64 else str(value)
