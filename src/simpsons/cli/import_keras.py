"""`simpsons import`."""

from pathlib import Path

import click

from simpsons.cli import options
from simpsons.cli.terminal import say
from simpsons.pixels.plain_resize import WAYS, Resize

_VALUES = ("0..1", "-1..1", "0..255")


@click.command("import")
@click.argument("keras_file", metavar="KERAS_FILE", type=options.LocalPath("file", None))
@click.argument("out", metavar="OUT.onnx", type=options.OUTPUT)
@click.option(
    "--labels",
    metavar="NAMES",
    help="The classes in the order of the outputs: with commas between, a text file with one a "
    "line, a JSON file (as of class_indices), or the folder with one folder a class that Keras "
    "read, which it sorts.  [default: the 18]",
)
@click.option(
    "--values",
    type=click.Choice(_VALUES),
    help="What the network was given for the values 0 to 255 of a picture.  [default: 0..1, or "
    "what the file's own first layers take]",
)
@click.option("--bgr", is_flag=True, help="It was given blue, green, red, as cv2.imread reads.")
@click.option(
    "--resize",
    type=click.Choice(WAYS),
    help="How pictures were fitted to 64 x 64: bilinear as by cv2.resize, tf.image.resize and "
    "image_dataset_from_directory, nearest as by load_img and flow_from_directory, or antialias "
    "as by Pillow's resize and simpsons.  [default: antialias]",
)
def import_keras(
    keras_file: str,
    out: Path,
    labels: str | None,
    values: str | None,
    bgr: bool,
    resize: Resize | None,
) -> None:
    """Turn a Keras file of either network of the notebook into an ONNX file.

    \b
    simpsons import notebook.keras notebook.onnx --bgr --resize bilinear
    simpsons import weights.h5 mine.onnx --labels class_indices.json
    simpsons evaluate FOLDER --model notebook.onnx

    KERAS_FILE is a .keras, .h5 or .hdf5 file of Keras 2 or 3, a whole model or weights alone.
    Keras and TensorFlow are not needed. For the same pixels the network answers as in Keras. For
    the same picture files it does if --values, --bgr and --resize say how your code read them,
    which the file doesn't tell; OUT keeps what they say.
    """
    from simpsons.api import import_keras

    written = import_keras.import_keras(
        keras_file, out, labels=labels, values=values, bgr=bgr, resize=resize
    )
    for note in written.notes:
        say(f"Note: {note}", err=True)
    say(f"wrote {written.path}: {written.network}, {written.path.stat().st_size / 1e6:.1f} MB")
    if written.facts:
        say(f"wrote {written.facts}")
