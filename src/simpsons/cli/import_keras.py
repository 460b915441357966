"""`simpsons import`."""

import json
from pathlib import Path

import click

from simpsons import models
from simpsons.characters import SLUGS
from simpsons.cli import options
from simpsons.cli.terminal import say
from simpsons.errors import SimpsonsError
from simpsons.files import require_writable
from simpsons.formats import facts
from simpsons.pixels.plain_resize import ANTIALIAS, WAYS, Resize

_VALUES = ("0..1", "-1..1", "0..255")
_MOST = 2**20  # bytes of a file of labels


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
    from simpsons.formats.keras import read
    from simpsons.formats.onnx_export import export as write_onnx

    require_writable(out)
    facts.facts_path(out)
    classes = _labels(labels) if labels is not None else SLUGS
    imported = read(keras_file, values, bgr=bgr)
    outputs = models.outputs(imported.network)
    if len(classes) != outputs:
        raise SimpsonsError(
            f"{keras_file}: has {outputs} classes and {len(classes)} labels are given; "
            "name each class, in the order of the outputs, with --labels"
        )
    way = resize or imported.resize or ANTIALIAS
    metadata = {"network": imported.name, "source": Path(keras_file).name}
    if way != ANTIALIAS:
        metadata["resize"] = way
    write_onnx(imported.network, out, classes, metadata)
    assumed = [] if values or imported.says_values else ["values from 0 to 1 (else --values)"]
    assumed += [] if bgr else ["red, green, blue (else --bgr)"]
    assumed += [] if resize or imported.resize else ["an anti-aliased resize (else --resize)"]
    assumed += [] if labels else ["the 18 characters in alphabetical order (else --labels)"]
    if assumed:
        say(
            f"Note: {Path(keras_file).name} doesn't say how your code read pictures. Assumed: "
            f"{', '.join(assumed)}. Where that is wrong, so are answers.",
            err=True,
        )
    if imported.is_mixed:
        say(
            "Note: Keras computed this network in 16 bits (mixed precision), and it is computed in "
            "32 here: probabilities differ by up to about 0.01.",
            err=True,
        )
    if not imported.has_layers:
        say(
            f"Note: {Path(keras_file).name} has weights alone; that they are of {imported.name} is "
            "told by their shapes. What has none, such as a Rescaling, is not known: see --values.",
            err=True,
        )
    say(f"wrote {out}: {imported.name}, {out.stat().st_size / 1e6:.1f} MB")
    if out.is_file():
        say(f"wrote {facts.write(out)}")


def _labels(given: str) -> tuple[str, ...]:
    """The classes that an option names. Raises SimpsonsError if they are no names."""
    path = Path(given)
    is_path = given and "," not in given
    if is_path and path.is_dir():
        found = sorted(one.name for one in path.iterdir() if one.is_dir())  # as Keras sorts them
    elif is_path and path.is_file():
        found = _in_file(path)
    else:
        found = [label.strip() for label in given.split(",")]
    if not found or "" in found or len(set(found)) < len(found):
        raise SimpsonsError(f"--labels {given}: empty or duplicate name; name each class")
    return tuple(found)


def _in_file(path: Path) -> list[str]:
    """The names in a file: one a line, a JSON list, or JSON from name to number or back."""
    try:
        with path.open("rb") as file:
            text = file.read(_MOST).decode("utf-8-sig")
        found = json.loads(text) if path.suffix.lower() == ".json" else text.splitlines()
        if isinstance(found, dict):
            found = _in_order(found)
    except OSError as error:
        raise SimpsonsError(f"--labels {path}: can't be read ({error.strerror})") from None
    except (ValueError, TypeError, RecursionError) as error:
        raise SimpsonsError(
            f"--labels {path}: is not a list of classes ({str(error)[:60]}); give one name per "
            "line, or the class_indices of Keras as JSON"
        ) from None
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise SimpsonsError(f"--labels {path}: is not a list of names; give one name per line")
    return [name.strip() for name in found if name.strip() or path.suffix.lower() == ".json"]


def _in_order(numbered: dict[str, object]) -> list[str]:
    """Names by their numbers, of `{"name": 0}` or `{"0": "name"}`. Raises ValueError."""
    if all(isinstance(value, str) for value in numbered.values()):
        pairs = [(int(number), str(name)) for number, name in numbered.items()]
    else:
        pairs = [(value, name) for name, value in numbered.items() if type(value) is int]
    pairs.sort()
    if [number for number, _ in pairs] != list(range(len(numbered))):
        raise ValueError("its numbers are not 0, 1, 2, ...")
    return [name for _, name in pairs]
