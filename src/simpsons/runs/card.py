"""The card beside exported weights: data, split, recipe, figures and licence, all measured."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simpsons.classifier import Classifier
from simpsons.dataset.cache import Dataset
from simpsons.dataset.split import HELD_OUT, Split
from simpsons.errors import SimpsonsError
from simpsons.evaluation.measure import measure
from simpsons.evaluation.metrics import Evaluation
from simpsons.files import write_text
from simpsons.models.familiarity import KNOWN
from simpsons.network import ModelError
from simpsons.progress import Track, silent

_OWN_DATA = "that of the pictures it learnt from"


def card_path(model: Path) -> Path:
    """Where the card of exported weights goes: the same name with the suffix `.md`.

    Raises SimpsonsError if the weights themselves, or a file that is no card of theirs, is there.
    """
    path = model.with_suffix(".md")
    if path == model:
        raise SimpsonsError(f"{model}: is where the card goes; choose another suffix, as .onnx")
    if path.exists() and not path.read_bytes().startswith(_title(model).encode()):
        raise SimpsonsError(
            f"{path}: already exists and is not a card of {model.name}; choose another name for "
            "the weights, or move it away"
        )
    return path


def require_provenance(model: Path, facts: Mapping[str, Any]) -> None:
    """Raise ModelError for a file that does not say all of its training that a card says.

    facts: the file's metadata.
    """
    split, recipe = facts.get("split", {}), facts.get("recipe", {})
    parts = split.get("parts")
    is_said = (
        {"kind", "seed"} <= split.keys()
        and isinstance(parts, dict)
        and all(type(count) is int for count in parts.values())
    )
    needed = {"network", "teachers", "initial", "epoch", "version"}
    if not (is_said and needed <= facts.keys() and {"name", "epochs"} <= recipe.keys()):
        raise ModelError(f"{model}: does not say how it was trained, as a card would; omit --card")


def write_card(model: Path, dataset: Dataset, split: Split, track: Track = silent) -> Path:
    """Measure an exported file on the held-out parts of its split; write a Markdown card.

    Returns its path; see `card_path`, also for what it raises.
    """
    path = card_path(model)
    classifier = Classifier(model)
    facts = classifier.metadata
    require_provenance(model, facts)
    rows = [
        _row(part, measure(classifier, dataset, rows, track).evaluation)
        for part, rows in _parts(dataset, split)
        if len(rows)
    ]
    is_last = facts.get("epoch_kept") == "last"
    chose = "the temperature" if is_last else "the epoch and the temperature"
    lines = described(
        model,
        facts,
        f"`{facts['network']}`{_arithmetic(facts)}, {len(classifier.labels)} classes, "
        f"{model.stat().st_size / 1e6:.1f} MB. "
        "Input: uint8 `[N, 64, 64, 3]`, RGB. Output: probabilities, float32 `[N, classes]`.",
        f"{len(dataset):,} {_what(dataset)} in `{dataset.root.name}`, "
        f"{len(dataset.problems):,} left out.",
        _verdicts(facts),
        [
            "| part | accuracy (95 % interval) | macro-F1 | log loss | calibration error |",
            "|---|---|---|---|---|",
            *rows,
            "",
            f"Validation chose {chose}, the test part did not.",
        ],
    )
    write_text(path, "\n".join(lines) + "\n")
    return path


def described(
    model: Path,
    facts: dict[str, Any],
    network: str,
    data: str,
    more: Sequence[str],
    figures: Sequence[str],
) -> list[str]:
    """The lines of a card. facts: the file's metadata. network, data: what they are, in words.

    more: lines of the list. figures: lines of the table and below.
    """
    parts = ", ".join(f"{count:,} {part}" for part, count in facts["split"]["parts"].items())
    taught = f", taught by {facts['teachers']} network(s)" if facts["teachers"] else ""
    started = ", from the weights of an earlier run" if facts["initial"] else ""
    averaged = "averaged " if facts["recipe"].get("average") else ""
    chosen = "" if facts.get("epoch_kept") == "last" else " (best on validation)"
    temperature = (
        f"temperature {facts['temperature']:.3f} (fitted on validation), "
        if "temperature" in facts
        else ""
    )
    return [
        _title(model),
        "",
        network,
        "",
        f"- **Data:** {data}",
        f"- **Split:** {_split(facts['split'])}: {parts}.",
        f"- **Training:** recipe `{facts['recipe']['name']}`{started}{taught}, the {averaged}"
        f"weights of epoch {facts['epoch']} of {facts['recipe']['epochs']}{chosen}, "
        f"{temperature}simpsons {facts['version']}.",
        *more,
        f"- **Licence of the weights:** {facts.get('data_licence', _OWN_DATA)}.",
        "",
        *figures,
        "",
        "<details><summary>Recipe</summary>",
        "",
        "```json",
        json.dumps(facts["recipe"], indent=2),
        "```",
        "",
        "</details>",
    ]


def _parts(dataset: Dataset, split: Split) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """What is measured: the held-out parts, and faces and whole pictures apart."""
    for part in HELD_OUT:
        rows = dataset.known(split.rows(part))
        yield part, rows
        if dataset.wholes is not None:
            is_face = dataset.wholes.is_face[rows]
            yield f"{part}, whole pictures", rows[~is_face]
            yield f"{part}, faces", rows[is_face]


def _title(model: Path) -> str:
    return f"# {model.name}"


def _split(facts: dict[str, Any]) -> str:
    if facts["kind"] == "shipped":
        return "shipped (leak-free, seed 0, kept in `split.csv`)"
    seed = "" if facts["seed"] is None else f", seed {facts['seed']}"
    return f"{facts['kind']}{seed}"


def _what(dataset: Dataset) -> str:
    return "pictures" if dataset.wholes is None else "pictures and faces"


def _arithmetic(facts: dict[str, Any]) -> str:
    return f" in {facts['arithmetic']}" if "arithmetic" in facts else ""


def _verdicts(facts: dict[str, Any]) -> list[str]:
    """What the card says of the familiarity, if the file has one."""
    if "familiarity_threshold" not in facts:
        return []
    return [
        f"- **Verdicts:** output `familiarity`, float32 `[N]`; below "
        f"{facts['familiarity_threshold']:.3f} a picture is `unknown` ({KNOWN:.0%} of the "
        "validation pictures are above)." + _strangers(facts.get("figures", {}))
    ]


def _strangers(figures: dict[str, Any]) -> str:
    if "validation_strangers_named" not in figures:
        return ""
    return f" Of strangers' faces there {figures['validation_strangers_named']:.1%} are above too."


def _row(part: str, figures: Evaluation) -> str:
    low, high = figures.accuracy_interval
    return (
        f"| {part} ({figures.n:,}) | {figures.accuracy:.2%} ({low:.2%} to {high:.2%}) "
        f"| {figures.macro_f1:.4f} | {figures.log_loss:.4f} | {figures.calibration_error:.4f} |"
    )
