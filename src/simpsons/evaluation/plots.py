"""The pictures of a report: each function returns a matplotlib Figure, `save` writes it.

Figures are built without pyplot, so nothing here opens a window, chooses a backend or keeps
state. The same input gives the same bytes. Class slugs are shown as display names.
"""

import io
import os
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from simpsons.characters import display_name
from simpsons.errors import SimpsonsError
from simpsons.evaluation.metrics import BINS, Evaluation
from simpsons.files import require_replaceable, write_bytes

BLUE, ORANGE, GREEN = "#0072b2", "#d55e00", "#009e73"
"""Three colours that colour-blind people tell apart (Okabe and Ito, 2008)."""

LIGHT_BLUE, INK, GREY, PALE = "#8fc1e3", "#24292f", "#6e7781", "#d8dee4"

STYLE: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": GREY,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.labelsize": 10,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "figure.dpi": 100,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib: the same on every machine
    "font.size": 10,
    "grid.color": PALE,
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "lines.linewidth": 2,
    "savefig.bbox": "tight",
    "savefig.dpi": 150,
    "svg.hashsalt": "simpsons",
    "text.color": INK,
    "text.parse_math": False,  # a file name may contain $
    "xtick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.color": GREY,
    "ytick.labelcolor": INK,
}

_MAKER = "simpsons"
_SIGNS = (  # of PNG and SVG
    rb"\A\x89PNG.{,99}Software\0simpsons",
    rb"<dc:creator>\s*<cc:Agent>\s*<dc:title>simpsons<",
)

Row = Mapping[str, float | None]
"""An epoch: epoch, train_loss, train_accuracy, validation_loss, validation_accuracy,
learning_rate. All but the epoch may be missing or None and is then not drawn."""


@rc_context(STYLE)
def confusion_matrix(evaluation: Evaluation, title: str = "Confusion matrix") -> Figure:
    """Counts as text on the share of the true class as colour; rows true, columns predicted.

    Rows are the classes with pictures, columns the classes with pictures or predictions. The
    colour scale is stretched towards 0, since the errors are what one looks for.
    """
    counts = evaluation.confusion
    rows = np.flatnonzero(counts.sum(axis=1))
    columns = np.flatnonzero(counts.sum(axis=0) + counts.sum(axis=1))
    counts = counts[np.ix_(rows, columns)]
    shares = counts / counts.sum(axis=1, keepdims=True)

    cell = 0.45 if len(columns) <= 24 else 0.3
    figure = Figure(
        figsize=(max(5.0, cell * len(columns) + 3.2), max(3.4, cell * len(rows) + 2.4)),
        layout="constrained",
    )
    axes = figure.add_subplot()
    image = axes.imshow(
        np.ma.masked_equal(shares, 0),
        cmap="Blues",
        norm=PowerNorm(0.4, 0, 1),
        interpolation="none",
    )
    axes.set_title(title)
    axes.set_xlabel("taken for")
    axes.set_ylabel("true character")
    axes.set_xticks(
        range(len(columns)),
        _names(evaluation, columns),
        rotation=45,
        ha="right",
        rotation_mode="anchor",
    )
    axes.set_yticks(range(len(rows)), _names(evaluation, rows))
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.grid(visible=False)
    axes.set_xticks(np.arange(len(columns) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(rows) + 1) - 0.5, minor=True)
    axes.tick_params(which="minor", length=0)
    axes.grid(visible=True, which="minor", color=PALE)
    for row, column in np.argwhere(counts):
        axes.text(
            column,
            row,
            f"{counts[row, column]}",
            ha="center",
            va="center",
            fontsize=9 if cell > 0.4 else 7,
            color="white" if shares[row, column] > 0.3 else INK,
        )
    bar = figure.colorbar(
        image,
        ax=axes,
        ticks=[0, 0.01, 0.05, 0.2, 0.5, 1],
        format=FuncFormatter(_percent),
        shrink=0.8,
        fraction=0.05,
        aspect=30,
        pad=0.02,
    )
    bar.ax.grid(visible=False)
    bar.outline.set_visible(False)
    bar.set_label("share of the true character's pictures")
    return figure


@rc_context(STYLE)
def reliability_diagram(evaluation: Evaluation, title: str = "Calibration") -> Figure:
    """Accuracy against confidence per bin, and below it how many pictures each bin has."""
    bins = evaluation.reliability
    middles = [(each.low + each.high) / 2 for each in bins]
    width = 0.92 / BINS

    figure = Figure(figsize=(5.4, 6.0), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    upper.bar(middles, [each.accuracy for each in bins], width, color=LIGHT_BLUE, label="accuracy")
    upper.bar(
        middles,
        [abs(each.confidence - each.accuracy) for each in bins],
        width,
        [min(each.confidence, each.accuracy) for each in bins],
        color="none",
        edgecolor=ORANGE,
        hatch="////",
        label="gap to the mean confidence",
    )
    upper.plot([0, 1], [0, 1], color=GREY, linewidth=1.2, linestyle="--", label="perfect")
    upper.set_title(f"{title}: error {100 * evaluation.calibration_error:.1f} points")
    upper.set_ylabel("accuracy")
    upper.set_ylim(0, 1.03)
    upper.yaxis.set_major_formatter(_percent)
    figure.legend(*upper.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    lower.bar(middles, [each.count for each in bins], width, color=GREY)
    lower.set_ylabel("pictures")
    lower.set_xlabel("confidence: probability of the predicted character")
    lower.set_xlim(0, 1.0)
    lower.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    lower.yaxis.set_major_formatter("{x:,.0f}")
    lower.xaxis.set_major_formatter(_percent)
    return figure


def best_epoch(history: Sequence[Row]) -> int:
    """The index of the row with the highest validation accuracy; of equal ones the first.

    Raises ValueError if no row has one.
    """
    values = _column(history, "validation_accuracy")
    if np.isnan(values).all():
        raise ValueError("the history has no validation_accuracy")
    return int(np.nanargmax(values))


@rc_context(STYLE)
def training_curves(history: Sequence[Row]) -> Figure:
    """Loss and accuracy by epoch; marks the epoch with the highest validation accuracy.

    The learning rate is a grey shape behind the loss. Raises ValueError as `best_epoch` does.
    """
    epochs = _column(history, "epoch")
    best = best_epoch(history)
    figure = Figure(figsize=(10.0, 4.2), layout="constrained")
    panels = figure.subplots(1, 2)
    for axes, name in zip(panels, ("loss", "accuracy"), strict=True):
        for part, color, style in (("train", ORANGE, "--"), ("validation", BLUE, "-")):
            values = _column(history, f"{part}_{name}")
            if not np.isnan(values).all():
                marker = "o" if len(history) < 30 else None
                axes.plot(epochs, values, style, color=color, marker=marker, ms=4, label=part)
        axes.axvline(epochs[best], color=GREEN, linewidth=1.5, linestyle=":", label="best epoch")
        axes.set_title(name.capitalize())
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(
            MaxNLocator(8, integer=True, min_n_ticks=1, steps=[1, 2, 5, 10])
        )
        axes.set_xlim(epochs.min() - 0.5, epochs.max() + 0.5)
    loss, accuracy = panels
    loss.set_ylim(0, 1.05 * loss.get_ylim()[1])
    rate = _draw_learning_rate(loss, epochs, _column(history, "learning_rate"))
    value = _column(history, "validation_accuracy")[best]
    accuracy.plot(epochs[best], value, "o", color=GREEN, markersize=8)
    accuracy.set_title(f"Accuracy: best {100 * value:.1f} % in epoch {epochs[best]:.0f}")
    accuracy.yaxis.set_major_formatter(_percent)
    handles, labels = loss.get_legend_handles_labels()
    if rate is not None:
        handles.append(rate)
        labels.append(str(rate.get_label()))
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return figure


@rc_context(STYLE)
def class_counts(counts: Mapping[str, int], title: str = "Pictures by character") -> Figure:
    """Horizontal bars, most first. Raises ValueError if there are no counts."""
    if not counts:
        raise ValueError("there are no counts to draw")
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    values = [count for _, count in ordered]
    figure = Figure(figsize=(7.0, 1.2 + 0.28 * len(ordered)), layout="constrained")
    axes = figure.add_subplot()
    bars = axes.barh(range(len(ordered)), values, 0.7, color=BLUE)
    axes.bar_label(bars, [f"{value:,}" for value in values], padding=4, fontsize=9)
    axes.set_yticks(range(len(ordered)), [display_name(slug) for slug, _ in ordered])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(ordered) - 0.4, -0.6)
    axes.set_xlim(0, max(1, *values) * 1.1)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.grid(visible=False, axis="y")
    axes.set_title(title)
    return figure


@rc_context(STYLE)
def picture_grid(
    images: NDArray[np.uint8], titles: Sequence[str], columns: int = 6, title: str = ""
) -> Figure:
    """Pictures, uint8 `[N, H, W, 3]`, in rows of `columns`, each with its title below it.

    Raises ValueError if there are no pictures, the shape is another, or the number of titles.
    """
    if images.ndim != 4 or images.shape[3] != 3 or len(images) == 0:
        raise ValueError(f"images must be [N, H, W, 3] with N > 0, not {list(images.shape)}")
    if len(titles) != len(images):
        raise ValueError(f"{len(images)} pictures need as many titles, not {len(titles)}")
    if columns < 1:
        raise ValueError(f"columns must be positive, not {columns}")
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    captions = [_wrapped(caption) for caption in titles]
    lines = max(caption.count("\n") + 1 if caption else 0 for caption in captions)

    # One axes for all, in units of a picture's width: far faster than an axes per picture.
    ratio = images.shape[1] / images.shape[2]
    gap = 0.08
    step = ratio + gap + 0.1 * lines
    width, height = columns * (1 + gap) - gap, rows * step - gap
    head = 0.3 if title else 0.0
    inches = 1.5
    figure = Figure(figsize=(inches * width + 0.2, inches * (height + head) + 0.2))
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    for i, (image, caption) in enumerate(zip(images, captions, strict=True)):
        left, top = i % columns * (1 + gap), i // columns * step
        axes.imshow(image, extent=(left, left + 1, top + ratio, top), interpolation="none")
        axes.text(left, top + ratio + 0.03, caption, fontsize=8, va="top", linespacing=1.15)
    margin = 0.1 / inches
    axes.set_xlim(-margin, width + margin)
    axes.set_ylim(height + margin, -head - margin)
    if title:
        axes.text(0, -head + 0.02, title, fontsize=12, fontweight="bold", va="top")
    return figure


def save(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write the figure as `.png` or `.svg`, whole or not at all.

    Raises SimpsonsError for another suffix.
    """
    write_bytes(path, encode(figure, require_suffix(path)[1:]))


def require_suffix(path: str | os.PathLike[str]) -> str:
    """The suffix of a figure's file, `.png` or `.svg`. Raises SimpsonsError for another."""
    suffix = Path(path).suffix.lower()
    if suffix not in (".png", ".svg"):
        raise SimpsonsError(
            f"{path}: figures are saved as .png or .svg, not {suffix or 'no suffix'}; choose one"
        )
    return suffix


def require_target(path: str | os.PathLike[str]) -> None:
    """Raise SimpsonsError for another suffix, or a file there that is no figure of `save`."""
    require_suffix(path)
    require_replaceable(path, "a figure", *_SIGNS)


@rc_context(STYLE)
def encode(figure: Figure, kind: str) -> bytes:
    """The bytes of the figure's file, `png` or `svg`, without a date."""
    file = io.BytesIO()
    metadata = {"Date": None, "Creator": _MAKER} if kind == "svg" else {"Software": _MAKER}
    figure.savefig(file, format=kind, metadata=metadata)
    return file.getvalue()


def _names(evaluation: Evaluation, indices: NDArray[np.intp]) -> list[str]:
    return [display_name(evaluation.classes[i]) for i in indices]


def _percent(value: float, _position: int | None) -> str:
    return f"{round(100 * value, 1):g} %"


def _column(history: Sequence[Row], key: str) -> NDArray[np.float64]:
    return np.array([row.get(key) for row in history], dtype=np.float64)


def _draw_learning_rate(
    axes: Axes, epochs: NDArray[np.float64], rate: NDArray[np.float64]
) -> Artist | None:
    if np.isnan(rate).all():
        return None
    behind = axes.twinx()
    behind.set_axis_off()
    behind.set_zorder(-1)
    behind.set_ylim(0, np.nanmax(rate) * 1.05 or 1)
    axes.patch.set_visible(False)
    label = f"learning rate, at most {np.nanmax(rate):.2g}"
    return behind.fill_between(epochs, rate, color=PALE, alpha=0.7, linewidth=0, label=label)


def _wrapped(caption: str, width: int = 22) -> str:
    lines = (textwrap.wrap(line, width) or [""] for line in caption.splitlines())
    return "\n".join(part for line in lines for part in line)
