"""`simpsons export`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from simpsons.classifier import SHIPPED, Classifier
from simpsons.cli import options
from simpsons.cli.terminal import say
from simpsons.errors import SimpsonsError
from simpsons.files import require_writable
from simpsons.formats import facts
from simpsons.pixels.plain_resize import ANTIALIAS
from simpsons.progress import bar
from simpsons.web import page

if TYPE_CHECKING:
    from simpsons.dataset.boxed_pictures import BoxedPictures
    from simpsons.dataset.cache import Dataset
    from simpsons.dataset.split import Split

_OF_A_FILE = ("data", "split", "half", "int8", "last", "card")


@click.command()
@click.argument("source", metavar="[RUN]", required=False)
@click.argument("out", type=options.OUTPUT, required=False)
@click.option(
    "--data",
    type=options.LocalPath("folder"),
    metavar="FOLDER",
    help="RUN is cnn, xception or an ONNX file, and was trained on these pictures; of a run "
    "folder, where its pictures are now.  [default for cnn and xception: the installed data set]",
)
@click.option("--split", default="shipped", show_default=True, help="With --data: their split.")
@click.option("--half", is_flag=True, help="Store large weights as float16: half the size.")
@click.option(
    "--int8", is_flag=True, help="Compute in int8, calibrated on training pictures: faster."
)
@click.option("--last", is_flag=True, help="Of a run: the last epoch, not the best on validation.")
@click.option("--card", is_flag=True, help="Measure the file and write a card beside it.")
@click.option(
    "--web",
    type=options.OUTPUT,
    metavar="FOLDER",
    help="Instead of OUT write a web page that needs no server. RUN may also be cnn, xception, "
    "cnn-int8 or an ONNX file.  [default: xception]",
)
@click.option(
    "--runtime",
    type=options.LocalPath("file"),
    metavar="PATH",
    help="With --web: npm's package of onnxruntime-web, a .tgz file or a folder; else it is "
    "fetched from npm, 33 MB.",
)
def export(
    source: str | None,
    out: Path | None,
    data: Path | None,
    split: str,
    half: bool,
    int8: bool,
    last: bool,
    card: bool,
    web: Path | None,
    runtime: Path | None,
) -> None:
    """Write the best weights of RUN as one ONNX file OUT that is the whole classifier or detector.

    \b
    simpsons export runs/xception homer.onnx
    simpsons predict picture.jpg --model homer.onnx
    simpsons export xception again.onnx --data simpsons_dataset --half
    simpsons export cnn cnn-int8.onnx --int8 --card
    simpsons export runs/faces faces.onnx --card
    simpsons export xception --web page

    The file says who is in a picture, and how familiar the picture is; that score is fitted here,
    on the training part. With --data an exported file is written again, with the same
    probabilities, or nearly the same with --int8. A run of faces gives a file that finds them, with
    its large weights always in float16. A JSON file with labels and thresholds is written beside
    it, for programs that can't read its metadata.
    """
    if web:
        _write_page(source, out, web, runtime)
        return
    if source is None or out is None:
        raise click.UsageError(f"Missing argument '{'OUT' if source else 'RUN'}'.")
    if runtime:
        raise SimpsonsError("--runtime is of --web; omit it")
    require_writable(out)
    facts.facts_path(out)
    _write_file(source, out, data, split, half, int8, last, card)


def _write_page(source: str | None, out: Path | None, web: Path, runtime: Path | None) -> None:
    if out:
        raise SimpsonsError(f"{out}: --web writes a page instead of a file; give one or the other")
    for name in filter(options.given, _OF_A_FILE):
        raise SimpsonsError(
            f"--{name} is of an ONNX file; export one with it, and give that file with --web"
        )
    index = page.write(web, source or "xception", runtime)
    size = sum(file.stat().st_size for file in index.parent.iterdir() if file.is_file())
    say(f"wrote {index}, with all beside it {size / 1e6:.1f} MB")


def _write_file(
    source: str,
    out: Path,
    data: Path | None,
    split: str,
    half: bool,
    int8: bool,
    last: bool,
    card: bool,
) -> None:
    from simpsons.dataset import cache, kaggle
    from simpsons.dataset import split as splits
    from simpsons.runs import exporting, run
    from simpsons.runs.card import card_path, require_provenance
    from simpsons.runs.config import CONFIG

    if card:
        card_path(out)
    if half and int8:
        raise SimpsonsError("--half and --int8 can't be combined; choose one")
    is_run = source not in SHIPPED and Path(source, CONFIG).is_file()
    if (data or source in SHIPPED) and not is_run:
        if last:
            raise SimpsonsError(f"{source}: --last is of a run folder, and this is a file; omit it")
        if card:
            require_provenance(Path(source), Classifier(source).metadata)
        dataset = cache.load(kaggle.resolve(data), track=bar)
        parts = splits.make(dataset, split, track=bar)
        resize = Classifier(source).resize
        if resize != ANTIALIAS:
            dataset = cache.load(dataset.root, track=bar, resize=resize)
        exporting.ship_again(source, out, dataset, parts, half, int8, bar)
    else:
        folder = Path(source)
        if folder.is_file():
            raise SimpsonsError(
                f"{folder}: is a file, not a run folder; give the pictures that it was trained on "
                "with --data"
            )
        _, dataset, parts = run.load(folder, bar, data)
        if parts.note:
            say(f"Note: {parts.note}.", err=True)
        run.export_run(folder, out, dataset, parts, half, int8, last, bar)
    say(f"wrote {out}, {out.stat().st_size / 1e6:.1f} MB")
    if out.is_file():
        say(f"wrote {facts.write(out)}")
    if card:
        say(f"wrote {_write_card(out, dataset, parts)}")


def _write_card(out: Path, dataset: "Dataset | BoxedPictures", parts: "Split") -> Path:
    from simpsons.dataset.boxed_pictures import BoxedPictures
    from simpsons.runs.card import write_card
    from simpsons.training.faces import export

    if isinstance(dataset, BoxedPictures):
        return export.write_card(out, dataset, parts, bar)
    return write_card(out, dataset, parts, bar)
