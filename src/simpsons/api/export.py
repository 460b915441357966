"""`export`: a trained network as one ONNX file, or as a web page that needs no server."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from simpsons.classifier import SHIPPED, Classifier
from simpsons.errors import SimpsonsError
from simpsons.files import StrPath
from simpsons.formats import facts
from simpsons.pixels.plain_resize import ANTIALIAS
from simpsons.progress import Track, silent
from simpsons.run_files import CONFIG
from simpsons.web import page

if TYPE_CHECKING:
    from simpsons.dataset.boxed_pictures import BoxedPictures
    from simpsons.dataset.cache import Dataset
    from simpsons.dataset.split import Split


@dataclass(frozen=True)
class Exported:
    """path: of the ONNX file, or of the page's index.html. facts: of the JSON beside the file.

    card: of the card. notes: what to know of the data, in sentences.
    """

    path: Path
    facts: Path | None = None
    card: Path | None = None
    notes: tuple[str, ...] = ()


def export(
    source: StrPath | None = None,
    out: StrPath | None = None,
    *,
    data: StrPath | None = None,
    split: str = "shipped",
    half: bool = False,
    int8: bool = False,
    last: bool = False,
    card: bool = False,
    web: StrPath | None = None,
    runtime: StrPath | None = None,
    track: Track = silent,
) -> Exported:
    """Write a network as one ONNX file that is the whole classifier or detector.

    Args:
        source: a run folder; with `data` also cnn, xception or an ONNX file; with `web` whatever
            `Classifier` takes, and None for xception.
        out: the ONNX file.
        data: of a run, where its pictures are now; else the pictures that `source` was trained on.
            None for cnn and xception: the installed data set.
        split: of a file, the one that it was trained with; a run has its own.
        half: store large weights as float16.
        int8: compute in int8, calibrated on training pictures.
        last: of a run, the weights of its last epoch, not the best on validation.
        card: measure the file on the held-out parts and write a card beside it.
        web: a folder for a page without a server, instead of `out`.
        runtime: with `web`, npm's package of onnxruntime-web, a .tgz file or a folder; None to
            fetch it.
        track: shows progress, such as `simpsons.progress.bar`.

    Raises:
        SimpsonsError: for options that can't be combined, and a network, data or output that
            can't be used; says why. Nothing is written then.
    """
    if web is not None:
        chosen = {
            "data": data,
            "split": split != "shipped",
            "half": half,
            "int8": int8,
            "last": last,
            "card": card,
        }
        return _write_page(source, out, web, runtime, [name for name in chosen if chosen[name]])
    if source is None or out is None:
        raise SimpsonsError("name a run folder and an ONNX file to write, or a folder with --web")
    if runtime:
        raise SimpsonsError("--runtime is of --web; omit it")
    path = Path(out)
    facts.require_target(path)
    _require_another(path, Path(source))
    return _write_file(os.fspath(source), path, data, split, half, int8, last, card, track)


def _require_another(out: Path, source: Path) -> None:
    """Raise SimpsonsError if the file is the source itself, or the network of another run."""
    if out.exists() and source.is_file() and out.samefile(source):
        raise SimpsonsError(f"{out}: is the network itself; give another name")
    is_of_run = out.exists() and (out.parent / CONFIG).is_file()
    if is_of_run and os.path.realpath(out.parent) != os.path.realpath(source):
        raise SimpsonsError(f"{out}: belongs to another run; give another place")


def _write_page(
    source: StrPath | None,
    out: StrPath | None,
    web: StrPath,
    runtime: StrPath | None,
    of_a_file: list[str],
) -> Exported:
    if out:
        raise SimpsonsError(f"{out}: --web writes a page instead of a file; give one or the other")
    for name in of_a_file:
        raise SimpsonsError(
            f"--{name} is of an ONNX file; export one with it, and give that file with --web"
        )
    return Exported(page.write(web, source or "xception", runtime))


def _write_file(
    source: str,
    out: Path,
    data: StrPath | None,
    split: str,
    half: bool,
    int8: bool,
    last: bool,
    card: bool,
    track: Track,
) -> Exported:
    from simpsons.dataset import cache, kaggle
    from simpsons.dataset import split as splits
    from simpsons.runs import exporting, run
    from simpsons.runs.card import card_path, require_provenance

    if card:
        card_path(out)
    if half and int8:
        raise SimpsonsError("--half and --int8 can't be combined; choose one")
    notes: tuple[str, ...] = ()
    is_run = source not in SHIPPED and Path(source, CONFIG).is_file()
    if is_run and split != "shipped":
        raise SimpsonsError(f"{source}: is a run, which has its own split; omit --split")
    if (data or source in SHIPPED) and not is_run:
        if last:
            raise SimpsonsError(f"{source}: --last is of a run folder, and this is a file; omit it")
        if card:
            require_provenance(Path(source), Classifier(source).metadata)
        dataset = cache.load(kaggle.resolve(data), track=track)
        parts = splits.make(dataset, split, track=track)
        resize = Classifier(source).resize
        if resize != ANTIALIAS:
            dataset = cache.load(dataset.root, track=track, resize=resize)
        exporting.export_again(source, out, dataset, parts, half, int8, track)
    else:
        folder = Path(source)
        if folder.is_file():
            raise SimpsonsError(
                f"{folder}: is a file, not a run folder; give the pictures that it was trained on "
                "with --data"
            )
        _, dataset, parts = run.load(folder, track, data)
        notes = (parts.note,) if parts.note else ()
        run.export_run(folder, out, dataset, parts, half, int8, last, track)
    written = facts.write(out) if out.is_file() else None
    return Exported(out, written, _card(out, dataset, parts, track) if card else None, notes)


def _card(out: Path, dataset: "Dataset | BoxedPictures", parts: "Split", track: Track) -> Path:
    from simpsons.dataset.boxed_pictures import BoxedPictures
    from simpsons.runs import exporting_faces as of_faces
    from simpsons.runs.card import write_card

    if isinstance(dataset, BoxedPictures):
        return of_faces.write_card(out, dataset, parts, track)
    return write_card(out, dataset, parts, track)
