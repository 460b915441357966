"""Is every face found, and are strangers told from the 18? Writes docs/everyone.md.

Found faces are held against the boxes of held-out pictures in which each face has one: the data
set's, and another cartoon's. Each is named by each network. Strangers are the data set's unknown
faces that are none of the 18, all faces of the other cartoon, and minor characters, of whose
pictures those count that show one face. `--part validation` is to choose by, the test part to
report.
"""

import argparse
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from benchmarks import frames, other_cartoon, strangers
from benchmarks.data import data_option, folder
from benchmarks.report import machine, table, write_section
from simpsons import Classifier, Detector
from simpsons.classifier import UNKNOWN
from simpsons.dataset.boxes import Box
from simpsons.detector import FACES, STRANGER_THRESHOLD, Face, FoundFaces
from simpsons.evaluation import detection
from simpsons.evaluation.detection import DetectionEvaluation, Outcome, Share
from simpsons.files import whole
from simpsons.progress import bar
from simpsons.shares import in_shares

DOCUMENT = "docs/everyone.md"
NETWORKS = ("cnn", "xception", "cnn-int8")
FULLY_BOXED = ("bart_simpson", "homer_simpson", "lisa_simpson", "marge_simpson")
"""The characters of whom every face has a box with the name."""

OURS, OTHER, MINOR = "the data set", "the other cartoon", "minor characters"
SIZES = (24, 48, 96)
"""Pixels of a face's longer side that divide the sizes."""

KEPT = 0.95
"""The share of known faces that are to keep their name."""

_SHARE = 4  # pictures that a thread looks at on its own

Truth = dict[str, tuple[Box, ...]]


@dataclass(frozen=True)
class Named:
    """What one network says. evaluation: of the data set. known, strange: faces by kind."""

    evaluation: DetectionEvaluation
    known: list[Face]
    strange: dict[str, list[Face]]

    def to_json(self) -> dict[str, Any]:
        """Every figure of the table; plain values."""
        return {
            "mean_ap_50": self.mean_ap,
            "ap_50": {score.name: score.ap.at_50 for score in self._scores},
            "known_named": named(self.known).to_json(),
            "strangers_named": {
                kind: named(faces).to_json()
                for kind, faces in {**self.strange, "all": self.all}.items()
            },
            f"strangers_named_at_{KEPT}": at_kept(self.known, self.all).to_json(),
            "auroc": {
                kind: auroc(self.known, faces)
                for kind, faces in {**self.strange, "all": self.all}.items()
            },
        }

    @property
    def mean_ap(self) -> float:
        """At IoU 0.5, over the fully boxed characters."""
        return float(np.mean([score.ap.at_50 or 0 for score in self._scores]))

    @property
    def all(self) -> list[Face]:
        """Strangers of every kind."""
        return [face for faces in self.strange.values() for face in faces]

    @property
    def _scores(self) -> list[detection.NameScore]:
        return [score for score in self.evaluation.names if score.name in FULLY_BOXED]


def named(faces: Sequence[Face]) -> Share:
    """Faces that are given one of the 18 names."""
    return Share(sum(face.verdict != UNKNOWN for face in faces), len(faces))


def at_kept(known: Sequence[Face], strange: Sequence[Face], kept: float = KEPT) -> Share:
    """Strangers that would be named at the threshold at which so many known faces are."""
    familiar, others = familiarity(known), familiarity(strange)
    limit = np.quantile(familiar, 1 - kept, method="lower")
    return Share(int((others >= limit).sum()), len(others))


def auroc(known: Sequence[Face], strange: Sequence[Face]) -> float:
    """The share of pairs of a known face and a strange one of which the known is more familiar."""
    is_known = np.repeat([True, False], [len(known), len(strange)])
    return float(roc_auc_score(is_known, familiarity([*known, *strange])))


def familiarity(faces: Sequence[Face]) -> NDArray[np.float64]:
    """Of each face, float64 `[N]`."""
    return np.array([face.prediction.familiarity for face in faces], np.float64)


def by_size(outcomes: Sequence[Outcome]) -> list[Share]:
    """Boxes whose face was found, by their longer side: below each of `SIZES`, then above all."""
    boxes = [(one.box, one.face) for one in outcomes if one.box is not None]
    longer = np.array([max(box.x2 - box.x1, box.y2 - box.y1) for box, _ in boxes])
    found = np.array([face is not None for _, face in boxes], np.bool_)
    size = np.searchsorted(SIZES, longer, side="right")
    return [
        Share(int(found[size == number].sum()), int((size == number).sum()))
        for number in range(len(SIZES) + 1)
    ]


def alone(pictures: Sequence[FoundFaces], threshold: float) -> list[FoundFaces]:
    """The pictures in which one face has such a score, with that face alone; it is the surest."""
    return [
        FoundFaces(one.width, one.height, one.boxes[:1], one.scores[:1], one.crops[:1])
        for one in pictures
        if (one.scores >= threshold).sum() == 1
    ]


def find(
    detector: Detector, files: Sequence[Path], what: str, keep: Path | None
) -> list[FoundFaces]:
    """The faces of each picture with their crops; from `keep` where they are kept already."""
    kept = keep and keep / f"{_key(detector, files)}.npz"
    if kept and kept.exists():
        return _read(kept)
    found = in_shares(
        lambda some: [detector.find(one, on_one_core=True) for one in some], files, _SHARE
    )
    pictures = list(bar(found, len(files), f"faces of {what}"))
    if kept:
        with whole(kept) as file:
            _write(file, pictures)
    return pictures


def _key(detector: Detector, files: Sequence[Path]) -> str:
    content = hashlib.sha256(detector.path.read_bytes())
    content.update("\n".join(map(str, files)).encode())
    return content.hexdigest()[:16]


def _write(file: Path, pictures: Sequence[FoundFaces]) -> None:
    with file.open("wb") as opened:
        np.savez(
            opened,
            sizes=np.array([(one.width, one.height, len(one.boxes)) for one in pictures]),
            boxes=np.concatenate([one.boxes for one in pictures]),
            scores=np.concatenate([one.scores for one in pictures]),
            crops=np.concatenate([one.crops for one in pictures]),
        )


def _read(file: Path) -> list[FoundFaces]:
    with np.load(file) as kept:
        sizes = kept["sizes"]
        ends = np.cumsum(sizes[:, 2])[:-1]
        parts = (np.split(kept[name], ends) for name in ("boxes", "scores", "crops"))
        return [
            FoundFaces(width, height, *arrays)
            for (width, height, _), *arrays in zip(sizes.tolist(), *parts, strict=True)
        ]


def name_all(network: Classifier, pictures: Sequence[FoundFaces]) -> list[tuple[Face, ...]]:
    """The faces of each picture with their names."""
    predictions = iter(network.predict_faces(np.concatenate([p.crops for p in pictures])))
    return [one.named([next(predictions) for _ in one.boxes]) for one in pictures]


class Benchmark:
    """Finds the faces of all held-out pictures; `names` then measures a network on them."""

    def __init__(self, data: Path, part: str, faces: str, keep: Path | None) -> None:
        self.detector = Detector(faces, minimum=detection.FLOOR)
        self.threshold = float(self.detector.metadata["threshold"])
        self.stranger_threshold = float(
            self.detector.metadata.get(STRANGER_THRESHOLD, self.threshold)
        )
        roots = {OURS: frames.folder(data), OTHER: other_cartoon.folder(data)}
        self.truth: dict[str, Truth] = {
            OURS: frames.complete(roots[OURS], part),
            OTHER: other_cartoon.complete(roots[OTHER], part, bar),
        }
        self.found = {
            kind: find(self.detector, [roots[kind] / path for path in truth], kind, keep)
            for kind, truth in self.truth.items()
        }
        minor = strangers.minor_files(data.parent / "other_characters")[part == "test"]
        self.found[MINOR] = alone(find(self.detector, minor, MINOR, keep), self.threshold)

    def names(self, network: Classifier) -> tuple[dict[str, DetectionEvaluation], Named]:
        """The evaluation of each cartoon, and what the network says."""
        named = {kind: name_all(network, pictures) for kind, pictures in self.found.items()}
        evaluations, whoever = {}, {}
        for kind, truth in self.truth.items():
            found = dict(zip(truth, named[kind], strict=True))
            facts = truth, found, network.labels, self.threshold
            evaluations[kind] = detection.evaluate(*facts, self.stranger_threshold)
            whoever[kind] = detection.evaluate(*facts)
        known, unknown = self._matched(whoever[OURS], network)
        nobody, others = self._matched(whoever[OTHER], network)
        assert not nobody
        strange = {
            OURS: unknown,
            OTHER: others,
            MINOR: [face for faces in named[MINOR] for face in faces],
        }
        return evaluations, Named(evaluations[OURS], known, strange)

    @staticmethod
    def _matched(
        evaluation: DetectionEvaluation, network: Classifier
    ) -> tuple[list[Face], list[Face]]:
        """The found faces of those the network knows, and of strangers."""
        pairs = [(one.box, one.face) for one in evaluation.outcomes if one.box and one.face]
        known = [face for box, face in pairs if box.name in network.labels]
        return known, [face for box, face in pairs if box.name not in network.labels]


def faces_table(evaluations: dict[str, DetectionEvaluation]) -> str:
    """Average precision, precision and recall of faces, and recall by size."""
    limits = [f"below {SIZES[0]} px"]
    limits += [f"{low} to {high} px" for low, high in pairwise(SIZES)]
    limits += [f"from {SIZES[-1]} px"]
    headers = ["faces of", "pictures", "faces", "AP at 0.5", "AP at 0.5 to 0.95", "precision"]
    rows = [
        [
            kind,
            f"{one.pictures:,}",
            f"{one.faces:,}",
            *(f"{value:.3f}" for value in one.ap),
            _percent(one.precision),
            _percent(one.recall),
            *(f"{_percent(share)} of {share.of}" for share in by_size(one.outcomes)),
        ]
        for kind, one in evaluations.items()
    ]
    return table([*headers, "recall", *(f"recall {limit}" for limit in limits)], rows)


def names_table(networks: dict[str, Named]) -> str:
    """Average precision of names, and known and strange faces that are given one."""
    first = next(iter(networks.values()))
    headers = [
        "names by",
        "mAP at 0.5",
        f"known faces named ({len(first.known):,})",
        *(f"{kind} ({len(faces):,})" for kind, faces in first.strange.items()),
        f"all strangers ({len(first.all):,})",
        f"all where {KEPT:.0%} of known faces are named",
        "AUROC, all strangers",
    ]
    rows = [
        [
            f"`{name}`",
            f"{one.mean_ap:.3f}",
            _percent(named(one.known)),
            *(_percent(named(faces)) for faces in (*one.strange.values(), one.all)),
            _percent(at_kept(one.known, one.all)),
            f"{auroc(one.known, one.all):.3f}",
        ]
        for name, one in networks.items()
    ]
    return table(headers, rows)


def _percent(share: Share) -> str:
    return "-" if share.value is None else f"{share.value:.1%}"


def main() -> None:
    """Print the figures; those of the test part with what ships are written to the document."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    data_option(parser)
    parser.add_argument("--part", choices=("validation", "test"), default="test")
    parser.add_argument("--faces", default=FACES, metavar="MODEL", help="the face detector's file")
    parser.add_argument("--model", nargs="+", default=list(NETWORKS), metavar="NAMES")
    parser.add_argument("--json", action="store_true", help="every figure; nothing is written")
    parser.add_argument(
        "--keep", type=Path, metavar="FOLDER", help="keep found faces there, and take kept ones"
    )
    parser.add_argument(
        "--write-split", type=Path, metavar="FILE", help="write the other cartoon's split, and end"
    )
    arguments = parser.parse_args()
    data = folder(arguments)
    if arguments.write_split:
        parts = other_cartoon.split(other_cartoon.folder(data), track=bar)
        other_cartoon.write_split(arguments.write_split, parts)
        return
    classifiers = {name: Classifier(name) for name in arguments.model}
    benchmark = Benchmark(data, arguments.part, arguments.faces, arguments.keep)
    measured = {name: benchmark.names(network) for name, network in classifiers.items()}
    evaluations, _ = next(iter(measured.values()))
    names = {name: one for name, (_, one) in measured.items()}
    if arguments.json:
        print(json.dumps(_json(benchmark, arguments.part, evaluations, names), indent=1))
        return
    by = (
        f"`python -m benchmarks.faces`, {arguments.part} part, threshold "
        f"{benchmark.threshold:.2f} ({benchmark.stranger_threshold:.2f} for `unknown`), "
        f"sides {', '.join(map(str, benchmark.detector.sides))} px; "
        f"{machine()}."
    )
    text = f"{faces_table(evaluations)}\n\n{names_table(names)}\n\n{by}"
    print(text)
    if (arguments.part, arguments.faces, arguments.model) == ("test", FACES, list(NETWORKS)):
        write_section(DOCUMENT, "faces", text)


def _json(
    benchmark: Benchmark,
    part: str,
    evaluations: dict[str, DetectionEvaluation],
    names: dict[str, Named],
) -> dict[str, Any]:
    return {
        "part": part,
        "faces": str(benchmark.detector.path),
        "threshold": benchmark.threshold,
        "sides": benchmark.detector.sides,
        "found": {
            kind: {
                "pictures": one.pictures,
                "faces": one.faces,
                "ap_50": one.ap.at_50,
                "ap_50_95": one.ap.mean,
                "precision": one.precision.to_json(),
                "recall": one.recall.to_json(),
                "recall_by_size": [share.to_json() for share in by_size(one.outcomes)],
            }
            for kind, one in evaluations.items()
        },
        "named": {name: one.to_json() for name, one in names.items()},
    }


if __name__ == "__main__":
    main()
