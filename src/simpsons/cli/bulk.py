"""`simpsons bulk`."""

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import click

from simpsons.bulk import cluster, engine, locations, manifest, parts, tasks
from simpsons.bulk.errors import BulkError
from simpsons.bulk.limits import Limits
from simpsons.bulk.manifest import Manifest
from simpsons.bulk.pool import Advance
from simpsons.bulk.sources import COLUMN, Source
from simpsons.bulk.stores import open_store
from simpsons.bulk.totals import Totals
from simpsons.cli import options
from simpsons.cli.terminal import say
from simpsons.detector import FACES

_INTERRUPTED = 130


class _Bulk(click.Command):
    """The command, and `bulk status`: a folder of that name is `./status`."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        if args[:1] == ["status"]:
            return status.make_context("bulk status", args[1:], parent, **extra)
        return super().make_context(info_name, args, parent, **extra)


@click.command(cls=_Bulk)
@click.argument("source", required=False)
@click.option(
    "--out", "target", required=True, metavar="TARGET", help="A folder or bucket for the parts."
)
@click.option(
    "--task",
    type=click.Choice([tasks.CLASSIFY, tasks.DETECT]),
    default=tasks.CLASSIFY,
    show_default=True,
    help="Who a picture shows, or every face in it.",
)
@click.option(
    "--model",
    metavar="MODEL",
    help="cnn, xception, cnn-int8, dolls, an ONNX file, or a run folder.  [default: xception to "
    "classify, cnn-int8 to detect]",
)
@click.option("--faces", default=FACES, show_default=True, metavar="MODEL", help="Who finds faces.")
@click.option("--minimum", type=options.Finite(0, 1), metavar="SCORE", help="Of a face, 0 to 1.")
@click.option(
    "--top", type=click.IntRange(min=1), default=3, show_default=True, help="Names per row."
)
@click.option(
    "--column", default=COLUMN, show_default=True, metavar="NAME", help="Of a table: the paths."
)
@click.option("--base", default="", metavar="PREFIX", help="What relative paths begin with.")
@click.option(
    "--part-size",
    type=click.IntRange(min=1),
    default=manifest.PART_SIZE,
    show_default=True,
    help="Pictures of a part.",
)
@click.option("--workers", type=click.IntRange(min=1), metavar="N", help="Processes here.")
@click.option("--scheduler", metavar="ADDRESS", help="Of Dask: tcp://host:8786.")
@click.option("--part", "index", type=click.IntRange(min=0), metavar="I", help="With --of.")
@click.option(
    "--of", type=click.IntRange(min=1), metavar="N", help="Make each N-th part only, from I on."
)
@click.option("--plan", is_flag=True, help="Freeze the list and stop.")
@click.option("--retry-errors", is_flag=True, help="Try again what could not be read.")
@click.option(
    "--reads",
    type=click.IntRange(min=1),
    metavar="N",
    help="Pictures read at once.  [default: one per core for files, else 32]",
)
@click.option(
    "--object-seconds",
    type=options.Finite(0, min_open=True),
    default=Limits.object_seconds,
    show_default=True,
    help="For one picture, all tries together.",
)
@click.option(
    "--part-seconds",
    type=options.Finite(0, min_open=True),
    default=Limits.part_seconds,
    show_default=True,
    help="For one part; what is left then is a timeout.",
)
@click.option(
    "--target-seconds",
    type=options.Finite(0),
    default=Limits.target_seconds,
    show_default=True,
    help="To wait while the target is full or does not answer.",
)
def bulk(
    source: str | None,
    target: str,
    task: str,
    model: str | None,
    faces: str,
    minimum: float | None,
    top: int,
    column: str,
    base: str,
    part_size: int,
    workers: int | None,
    scheduler: str | None,
    index: int | None,
    of: int | None,
    plan: bool,
    retry_errors: bool,
    reads: int | None,
    object_seconds: float,
    part_seconds: float,
    target_seconds: float,
) -> None:
    """Say who is in millions of pictures, and go on after whatever stops it.

    \b
    simpsons bulk frames/ --out answers/
    simpsons bulk s3://bucket/frames --out s3://bucket/answers --task detect
    simpsons bulk list.parquet --out answers/ --scheduler tcp://host:8786
    simpsons bulk --out answers/            resumes
    simpsons bulk status answers/           shows progress

    SOURCE is a folder, a glob, a zip or tar, a list (Parquet or CSV with a column of paths, or text
    with a path a line), or any of these at s3://, gs://, az:// or https://. What it lists is frozen
    and cut into parts; a part is written whole, as part-00042.parquet with a JSON file beside it,
    and is made once. A picture that can't be read is a row that says why: exit code 1 then, and 2
    when the run can't go on.
    """
    if (index is None) != (of is None):
        raise BulkError("--part and --of go together: `--part 7 --of 64`")
    if index is not None and of is not None and index >= of:
        raise BulkError(f"--part {index} --of {of}: parts are counted from 0; give 0 to {of - 1}")
    if sum(one is not None for one in (workers, scheduler, of)) > 1:
        raise BulkError("--workers, --scheduler and --part can't be combined; choose one")
    limits = Limits(
        object_seconds,
        part_seconds,
        target_seconds,
        reads=reads,
        cores=1 if workers or scheduler else None,
    )
    frozen = _frozen(
        source,
        target,
        lambda: tasks.describe(
            task,
            model or ("xception" if task == tasks.CLASSIFY else "cnn-int8"),
            faces,
            top,
            minimum,
        ),
        column,
        base,
        part_size,
        target_seconds,
        may_freeze=of is None,
    )
    if plan:
        say(f"{frozen.rows:,} pictures in {frozen.parts:,} parts, frozen in {target}")
        return
    store = open_store(target)
    done = parts.finished(store, frozen)
    wanted = [
        part
        for part in range(frozen.parts)
        if part not in done or (retry_errors and done[part].can_be_retried)
    ]
    if of is not None and index is not None:
        wanted = engine.of_many(wanted, index, of)
    kept = {part: one for part, one in done.items() if part not in set(wanted)}
    totals = Totals(frozen).add(kept.values())
    try:
        with _bar(frozen.rows, totals.pictures) as advance:
            for summary in _run(frozen, wanted, limits, retry_errors, advance, workers, scheduler):
                totals.add([summary])
    except KeyboardInterrupt:
        say(
            f"Stopped: {totals.parts:,} of {frozen.parts:,} parts are finished, what was under way "
            f"is {'left to the workers' if scheduler else 'dropped'}; go on with `simpsons bulk "
            f"--out {target}`",
            err=True,
        )
        sys.exit(_INTERRUPTED)
    if totals.is_finished:
        store.tidy()
    elif of is None:
        raise BulkError(
            f"{target}: {frozen.parts - totals.parts:,} parts are not finished; go on with "
            f"`simpsons bulk --out {target}`"
        )
    for line in totals.lines():
        say(line)
    if any(kind for kind in totals.errors):
        hint = any(
            kind in totals.errors for kind in ("missing", "denied", "timeout", "unavailable")
        )
        if hint and not retry_errors:
            say(f"try again with `simpsons bulk --out {target} --retry-errors`", err=True)
        sys.exit(1)


@click.command()
@click.argument("target")
@options.as_json
@click.option(
    "--page",
    type=options.OUTPUT,
    metavar="FILE",
    help="Also write the totals as a page of HTML.",
)
def status(target: str, as_json: bool, page: Path | None) -> None:
    """Say how far the run of TARGET is, and what it has found so far."""
    frozen = manifest.read(target)
    if frozen is None:
        raise BulkError(f"{target}: no run has begun there; begin one with `simpsons bulk SOURCE`")
    totals = Totals(frozen).add(parts.finished(open_store(target), frozen).values())
    if page is not None:
        totals.write_page(page)
    if as_json:
        options.print_json(totals.to_json())
        return
    for line in totals.lines():
        say(line)


def _frozen(
    source: str | None,
    target: str,
    describe: Any,
    column: str,
    base: str,
    part_size: int,
    seconds: float,
    *,
    may_freeze: bool,
) -> Manifest:
    """The run of the target, begun if there is none. Raises BulkError."""
    frozen = manifest.read(target)
    if frozen is None:
        if source is None:
            raise BulkError(
                f"{target}: no run has begun there; name what it is to read: `simpsons bulk SOURCE "
                f"--out {target}`"
            )
        if not may_freeze:
            plan = shlex.join(["simpsons", "bulk", str(source), "--out", str(target), "--plan"])
            raise BulkError(
                f"{target}: no run has begun there, and many processes can't begin one; freeze the "
                f"list first: `{plan}`"
            )
        location, file_options = locations.split_options(source)
        listed = Source(location, file_options, column)
        frozen = manifest.freeze(
            target,
            listed.entries(),
            describe(),
            source=location,
            base=_base(base),
            options=file_options,
            column=column,
            part_size=part_size,
            seconds=seconds,
        )
        for reason, count in listed.left_out.items():
            say(f"Note: left out {count:,}: {reason}", err=True)
        return frozen
    _require_same(frozen, describe, part_size)
    if source is not None:
        location, file_options = locations.split_options(source)
        manifest.require_same_list(frozen, Source(location, file_options, column).entries())
    return frozen


def _require_same(frozen: Manifest, describe: Any, part_size: int) -> None:
    """Raises BulkError if options that the rows depend on were given, and are others."""
    names = ("task", "model", "faces", "minimum", "top")
    if any(options.given(name) for name in names):
        manifest.require_same_work(frozen, describe())
    if options.given("part_size") and part_size != frozen.part_size:
        raise BulkError(
            f"{frozen.target}: its parts have {frozen.part_size:,} pictures; leave --part-size "
            "out, or write to another target by --out"
        )


def _base(base: str) -> str:
    """What relative paths begin with, whichever folder a worker is in."""
    return locations.whole(base)


def _run(
    frozen: Manifest,
    wanted: list[int],
    limits: Limits,
    retry: bool,
    advance: Advance,
    workers: int | None,
    scheduler: str | None,
) -> Iterator[Any]:
    if not wanted:
        return
    if workers is None and scheduler is None:
        yield from engine.run_here(frozen, wanted, limits, retry=retry, advance=advance)
        return
    here = nullcontext(scheduler or "") if workers is None else cluster.workers_here(workers)
    with here as address:
        yield from cluster.run_on(address, frozen, wanted, limits, retry=retry, advance=advance)


@contextmanager
def _bar(total: int, done: int) -> Iterator[Advance]:
    """A live bar on a terminal, else nothing; gives what tells it of more pictures."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        shown = progress.add_task("pictures", total=total, completed=done)
        yield lambda more: progress.advance(shown, more)
