"""`simpsons export`."""

from pathlib import Path

import click

from simpsons.api import export as exports
from simpsons.cli import options
from simpsons.cli.terminal import say
from simpsons.progress import bar


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
@click.option(
    "--split", default="shipped", show_default=True, help="Of a file, with --data: its split."
)
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
    if not web and (source is None or out is None):
        raise click.UsageError(f"Missing argument '{'OUT' if source else 'RUN'}'.")
    written = exports.export(
        source,
        out,
        data=data,
        split=split,
        half=half,
        int8=int8,
        last=last,
        card=card,
        web=web,
        runtime=runtime,
        track=bar,
    )
    for note in written.notes:
        say(f"Note: {note}.", err=True)
    if web:
        files = [file for file in written.path.parent.iterdir() if file.is_file()]
        size = sum(file.stat().st_size for file in files)
        say(f"wrote {written.path}, with all beside it {size / 1e6:.1f} MB")
        return
    say(f"wrote {written.path}, {written.path.stat().st_size / 1e6:.1f} MB")
    for path in filter(None, (written.facts, written.card)):
        say(f"wrote {path}")
