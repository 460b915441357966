"""A part of a run: made whole, written whole, and found finished or not at all."""

import hashlib
import io
import json
import platform
import socket
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

import pyarrow
import pyarrow.parquet

from simpsons import __version__
from simpsons.bulk import errors, locations, stores, tasks
from simpsons.bulk.errors import BulkError, CredentialsError, ObjectError
from simpsons.bulk.limits import Limits
from simpsons.bulk.locations import Entry
from simpsons.bulk.manifest import Manifest
from simpsons.bulk.pool import Advance, Pool, Rows
from simpsons.bulk.stores import Store, reading

_READERS = 16
_FEW = 20  # pictures; a part of fewer may be wrong altogether
_AT_FAULT = frozenset({errors.DENIED, errors.UNAVAILABLE, errors.TIMEOUT})


@dataclass(frozen=True)
class Summary:
    """What stands beside a finished part.

    part: its number. plan: of the manifest it belongs to. pictures, rows: how many. bytes, sha256:
    of the Parquet file. verdicts: rows by verdict. errors: pictures by kind. seconds: it took.
    machine: who made it. models: SHA-256 of each file. versions: of what made it.
    """

    part: int
    plan: str
    pictures: int
    rows: int
    bytes: int
    sha256: str
    seconds: float
    machine: str
    verdicts: Mapping[str, int] = field(default_factory=dict)
    errors: Mapping[str, int] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def can_be_retried(self) -> bool:
        """Whether it has errors that may be over."""
        return any(kind in errors.OF_STORAGE for kind in self.errors)


def name_of(part: int, suffix: str) -> str:
    """`part-00042.parquet`."""
    return f"part-{part:05d}.{suffix}"


def finished(store: Store, manifest: Manifest) -> dict[int, Summary]:
    """The parts that are there, by number: a JSON file, and a Parquet file of the size it says.

    Raises BulkError for a part of another manifest.
    """
    with reading(manifest.target):
        sizes = store.sizes()
    numbers = [part for part in range(manifest.parts) if name_of(part, "json") in sizes]
    with ThreadPoolExecutor(_READERS) as pool:
        read = pool.map(lambda part: _read(store, part), numbers)
        found = {part: one for part, one in zip(numbers, read, strict=True) if one is not None}
    for part, summary in found.items():
        if summary.plan != manifest.plan:
            raise BulkError(
                f"{manifest.target}: {name_of(part, 'parquet')} belongs to another run; write to "
                "another target by --out, or empty this one"
            )
    return {
        part: one for part, one in found.items() if sizes.get(name_of(part, "parquet")) == one.bytes
    }


def run_part(
    manifest: Manifest,
    part: int,
    limits: Limits,
    *,
    retry: bool = False,
    advance: Advance = lambda _: None,
) -> Summary:
    """Make a part and write it; the summary of one that is finished already, if there is one.

    retry: of a finished part, answer anew the pictures whose errors may be over. advance: told how
    many pictures more are done. Raises BulkError and CredentialsError: then nothing is written.
    """
    store = stores.open_store(manifest.target)
    before = _finished_one(store, manifest, part)
    if before is not None and not (retry and before.can_be_retried):
        advance(manifest.rows_of(part))
        return before
    start = time.monotonic()
    task = tasks.task_of(manifest.work)
    entries = manifest.entries(part)
    old = None if before is None else _read_table(store, part)
    chosen = None if old is None else _to_retry(old, manifest.first_row(part))
    read = partial(locations.read, base=manifest.base, options=manifest.options)
    pool = Pool(task, read, limits, is_remote(entries, manifest.base))
    answers = pool.answer(entries, chosen, advance)
    _require_answers(entries, answers, manifest.base)
    table = to_table(task, entries, answers, manifest.first_row(part))
    if old is not None:
        table = _merged(old, table)
    data = _to_parquet(table)
    summary = _summary(manifest, part, table, data, time.monotonic() - start)
    if not retry and (other := _finished_one(store, manifest, part)) is not None:
        return other  # a worker that was given up for lost has written it meanwhile
    where = f"{manifest.target}: {name_of(part, 'parquet')}"
    content = f"{json.dumps(asdict(summary), indent=1)}\n".encode()
    for suffix, written in (("parquet", data), ("json", content)):
        write = partial(store.write, name_of(part, suffix), written)
        stores.write_patiently(write, where, limits.target_seconds)
    return summary


def to_table(
    task: tasks.AnyTask,
    entries: Sequence[Entry],
    answers: Sequence[Rows | ObjectError],
    first_row: int = 0,
) -> Any:
    """A `pyarrow.Table` of the task's schema. first_row: the number of the first picture."""
    rows = list(_rows(entries, answers, first_row))
    columns = []
    for one in task.schema:
        values = [row.get(one.name) for row in rows]
        is_top = one.name == "top"
        columns.append(_tops(values, one.type) if is_top else pyarrow.array(values, one.type))
    return pyarrow.Table.from_arrays(columns, schema=task.schema)


def is_remote(entries: Iterable[Entry], base: str) -> bool:
    """Whether pictures come over a network."""
    first = next(iter(entries), None)
    if first is None:
        return False
    return locations.scheme_of(locations.within(base, first.archive or first.path)) is not None


def versions() -> dict[str, str]:
    """Of what the rows may depend on."""
    import numpy
    import onnxruntime
    import PIL

    return {
        "simpsons": __version__,
        "python": platform.python_version(),
        "numpy": numpy.__version__,
        "onnxruntime": onnxruntime.__version__,
        "pillow": PIL.__version__,
        "pyarrow": pyarrow.__version__,
    }


def _rows(
    entries: Sequence[Entry], answers: Sequence[Rows | ObjectError], first_row: int
) -> Iterator[dict[str, Any]]:
    for number, (entry, answer) in enumerate(zip(entries, answers, strict=True), first_row):
        picture = {"row": number, "path": _printable(entry.path)}
        if isinstance(answer, ObjectError):
            yield picture | {"error_kind": answer.kind, "error": _printable(answer.message)}
        else:
            for row in answer:
                yield picture | row


def _tops(values: list[Any], kind: Any) -> Any:
    """Labels with their probabilities, without a Python object for each."""
    offsets, labels, probabilities = [0], [], []
    for top in values:
        for label, probability in top or ():
            labels.append(label)
            probabilities.append(probability)
        offsets.append(len(labels))
    pairs = pyarrow.StructArray.from_arrays(
        [pyarrow.array(labels, pyarrow.string()), pyarrow.array(probabilities, pyarrow.float32())],
        names=["label", "probability"],
    )
    missing = pyarrow.array([top is None for top in values], pyarrow.bool_())
    return pyarrow.ListArray.from_arrays(
        pyarrow.array(offsets, pyarrow.int32()), pairs, mask=missing
    ).cast(kind)


def _printable(text: str) -> str:
    """What is no Unicode in a file name is written as an escape."""
    return text.encode(errors="backslashreplace").decode()


def _to_parquet(table: Any) -> bytes:
    data = io.BytesIO()
    pyarrow.parquet.write_table(table.combine_chunks(), data, compression="zstd")
    return data.getvalue()


def _require_answers(
    entries: Sequence[Entry], answers: Sequence[Rows | ObjectError], base: str
) -> None:
    """Raises CredentialsError if no picture of a part could be read for the storage's sake."""
    wrong = [one for one in answers if isinstance(one, ObjectError)]
    if len(answers) < _FEW or len(wrong) < len(answers):
        return
    if is_remote(entries, base) and all(one.kind in _AT_FAULT for one in wrong):
        raise CredentialsError(
            f"none of {len(answers):,} pictures could be read ({wrong[0].message}); check the "
            "storage and the credentials, and go on with the same command"
        )


def _summary(manifest: Manifest, part: int, table: Any, data: bytes, seconds: float) -> Summary:
    kinds = Counter(filter(None, table.column("error_kind").to_pylist()))
    verdicts = Counter(filter(None, table.column("verdict").to_pylist()))
    work = manifest.work
    return Summary(
        part=part,
        plan=manifest.plan,
        pictures=manifest.rows_of(part),
        rows=table.num_rows,
        bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        seconds=round(seconds, 3),
        machine=socket.gethostname(),
        verdicts=dict(sorted(verdicts.items())),
        errors=dict(sorted(kinds.items())),
        models={
            name: digest
            for name, digest in (("model", work.model_sha256), ("faces", work.faces_sha256))
            if digest
        },
        versions=versions(),
    )


def _finished_one(store: Store, manifest: Manifest, part: int) -> Summary | None:
    summary = _read(store, part)
    if summary is None or summary.plan != manifest.plan:
        return None
    try:
        with reading(name_of(part, "parquet")), store.open(name_of(part, "parquet")) as file:
            return summary if file.size() == summary.bytes else None
    except FileNotFoundError:
        return None


def _read(store: Store, part: int) -> Summary | None:
    try:
        with reading(name_of(part, "json")):
            content = store.read(name_of(part, "json"))
    except FileNotFoundError:
        return None
    try:
        return Summary(**json.loads(content))
    except (ValueError, TypeError):  # what somebody else wrote there
        return None


def _read_table(store: Store, part: int) -> Any:
    with reading(name_of(part, "parquet")):
        data = store.read(name_of(part, "parquet"))
        return pyarrow.parquet.read_table(pyarrow.BufferReader(data), use_threads=False)


def _to_retry(table: Any, first_row: int) -> set[int]:
    """Places in a part."""
    rows, kinds = (table.column(name).to_pylist() for name in ("row", "error_kind"))
    return {
        row - first_row for row, kind in zip(rows, kinds, strict=True) if kind in errors.OF_STORAGE
    }


def _merged(old: Any, new: Any) -> Any:
    """The table with new rows in place of the old ones of the same pictures."""
    import pyarrow.compute

    kept = old.filter(
        pyarrow.compute.invert(pyarrow.compute.is_in(old.column("row"), new.column("row")))
    )
    both = pyarrow.concat_tables([kept, new.cast(old.schema)])
    keys = [("row", "ascending")] + [("face", "ascending")] * ("face" in both.column_names)
    return both.sort_by(keys).cast(new.schema)
