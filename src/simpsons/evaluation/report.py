"""An evaluation as one HTML file that needs nothing else: no network, no script, no other file."""

import base64
import io
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from simpsons import explain
from simpsons.characters import display_name
from simpsons.evaluation import plots
from simpsons.evaluation.compare import Comparison
from simpsons.evaluation.metrics import ClassScore, Evaluation, confused_sentences
from simpsons.files import write_bytes


@dataclass(frozen=True, eq=False)
class ErrorExample:
    """A picture that was classified wrongly, for the gallery.

    image: what the network saw, uint8 `[H, W, 3]`. true, predicted: class slugs. probability,
    true_probability: what the network gave to the predicted and to the true class, in [0, 1].
    heat, true_heat: where the evidence for the predicted and for the true class is, float32
    `[64, 64]`, as `explain.heat_map` gives it.
    """

    image: NDArray[np.uint8]
    path: str
    true: str
    predicted: str
    probability: float
    true_probability: float
    heat: explain.Heat
    true_heat: explain.Heat


@dataclass(frozen=True)
class _Network:
    """One network's part of the report; `name` is empty if there is only one."""

    name: str
    evaluation: Evaluation
    confusion_matrix: str
    reliability_diagram: str
    sentences: list[str]


def write_report(
    path: str | os.PathLike[str],
    evaluation: Evaluation,
    *,
    title: str,
    facts: Mapping[str, str],
    problems: Sequence[tuple[str, str]] = (),
    errors: Sequence[ErrorExample] = (),
    history: Sequence[plots.Row] | None = None,
    comparison: Comparison | None = None,
    second: Evaluation | None = None,
    notes: Sequence[str] = (),
) -> None:
    """Write the report, one HTML file, whole or not at all.

    facts: what was measured and on what, by name, in the order to show (model, data, split ...).
    problems: (file, reason) of the pictures that couldn't be read. errors: the gallery, in the
    order to show. history: the epochs, as `plots.training_curves` takes them. comparison, second:
    a second network's evaluation on the same pictures, and what `compare` says; errors and
    history are then the first network's. notes: sentences to show with the facts.

    Raises ValueError if only one of `comparison` and `second` is given, if they aren't of the same
    pictures as `evaluation`, or as `plots.training_curves` does; OSError if the file can't be
    written. An old file then stays as it was.
    """
    named = [("", evaluation)]
    if comparison is not None and second is not None:
        if evaluation.classes != second.classes or {second.n, comparison.n} != {evaluation.n}:
            raise ValueError("the two evaluations and the comparison are not of the same pictures")
        named = list(zip(comparison.names, (evaluation, second), strict=True))
    elif comparison is not None or second is not None:
        raise ValueError("comparison and second go together: give both or neither")
    networks = [_network(name, each) for name, each in named]

    html = (
        page_templates("simpsons.evaluation")
        .get_template("report.html.jinja")
        .render(
            title=title,
            networks=networks,
            comparison=comparison,
            facts=facts,
            notes=notes,
            rows=_score_rows(networks),
            unseen=sum(score.support == 0 for score in evaluation.per_class),
            errors=errors,
            curves=_svg(plots.training_curves(history)) if history else None,
            problems=problems,
        )
    )
    write_bytes(path, html.encode(errors="replace"))  # a file name may be no Unicode


def page_templates(package: str) -> Environment:
    """The templates of a package, with this module's filters and `report.css` at hand."""
    environment = Environment(
        loader=ChoiceLoader([_templates_in(package), _templates_in("simpsons.evaluation")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        name=display_name,
        percent=_percent,
        score=_score,
        png=_png,
        heated=_heated,
        unbroken=_unbroken,
    )
    return environment


def _templates_in(package: str) -> PackageLoader:
    return PackageLoader(package, package_path="")


def _network(name: str, evaluation: Evaluation) -> _Network:
    return _Network(
        name=name,
        evaluation=evaluation,
        confusion_matrix=_svg(plots.confusion_matrix(evaluation)),
        reliability_diagram=_svg(plots.reliability_diagram(evaluation)),
        sentences=confused_sentences(evaluation),
    )


def _score_rows(networks: Sequence[_Network]) -> list[list[ClassScore]]:
    """Per class with pictures its score in each network, lowest F1 of the first network first."""
    rows = zip(*(network.evaluation.per_class for network in networks), strict=True)
    return sorted(
        (list(row) for row in rows if row[0].support), key=lambda row: (row[0].f1 or 0, row[0].slug)
    )


def _svg(figure: Figure) -> str:
    return _data_uri("image/svg+xml", plots.encode(figure, "svg"))


def _png(pixels: NDArray[np.uint8]) -> str:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="png")
    return _data_uri("image/png", file.getvalue())


def _heated(pixels: NDArray[np.uint8], heat: explain.Heat) -> str:
    file = io.BytesIO()
    explain.overlay(pixels, heat).save(file, format="jpeg", quality=90)
    return _data_uri("image/jpeg", file.getvalue())


def _data_uri(media_type: str, data: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}\N{NO-BREAK SPACE}%"


def _score(value: float | None) -> str:
    return "\N{EN DASH}" if value is None else f"{value:.3f}"


def _unbroken(text: str) -> str:
    return re.sub(r" (?=[%<=])|(?<=[<=]) ", "\N{NO-BREAK SPACE}", text)
