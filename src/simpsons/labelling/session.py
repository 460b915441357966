"""`Session`: names the faces of a project, many at a time, without a page.

>>> from simpsons.labelling.session import Session
>>> from simpsons.project import Project
>>> session = Session(Project.open("springfield"))
>>> first = session.clusters()[0]
>>> session.name(first.faces, "Maggie")
1
>>> wrong = session.page("Maggie")[57:]
>>> session.accept("Maggie", session.page("Maggie")[:57], wrong)
2
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simpsons.characters import find_name
from simpsons.classifier import UNKNOWN
from simpsons.labelling import clusters, order
from simpsons.project import (
    LATER,
    NO_FACE,
    NOBODY,
    SPECIAL,
    Answer,
    Project,
    ProjectError,
    verdicts,
)
from simpsons.project.answers import Folded, clean_label

PAGE = 60
"""Faces on a page."""

FEW = 4
"""Faces on a page whose faces are all likelier somebody else's."""

SURE = 0.6
"""Share of a cluster's faces for which a network has to say the same for it to be suggested."""

_STRUCK = "!struck"
_ENOUGH_STRUCK = 0.6


@dataclass(frozen=True)
class Cluster:
    """Faces without a name that look alike.

    number: stays as long as the session. faces: ids, the medoid first and those next to it behind.
    medoid: the face that is nearest to all others. suggestion: whom most of them are of, None if
    that is not sure.
    """

    number: int
    faces: tuple[str, ...]
    medoid: str
    suggestion: str | None


class Doubt(NamedTuple):
    """A face whose name the other answers disagree with: they say `suggested`."""

    face: str
    given: str
    suggested: str


@dataclass(frozen=True)
class Status:
    """How far it is. faces: all. characters: how many are named, by label. nobody, no_face, later:
    how many are answered so. left: faces without an answer. answers: lines in the file."""

    faces: int
    characters: dict[str, int]
    nobody: int
    no_face: int
    later: int
    left: int
    answers: int

    def to_json(self) -> dict[str, Any]:
        """All of it, by name."""
        return asdict(self)


class Session:
    """What a project's faces are asked and answered by. Answers are on the disk when given.

    Any number of sessions may be open on a project; each sees the others' answers. Methods raise
    ProjectError for a face that is not in the project and for a label that can't be one.
    """

    def __init__(self, project: Project) -> None:
        self.project = project
        self._ids = [face.id for face in project.faces]
        self._rows = {face: row for row, face in enumerate(self._ids)}
        self._orders: dict[str, tuple[int, int, NDArray[np.int64]]] = {}
        self._known: tuple[int, Folded] = 0, Folded({}, {})

    def clusters(self, later: bool = False) -> list[Cluster]:
        """The faces without an answer in groups that look alike, the largest first.

        Where a network of one's own has read the faces (`verdicts.applied`), those groups come
        first of which it is least sure.
        The groups are made once, of all faces; answered ones leave them. later: those that were
        answered `LATER` instead.
        """
        labels = self._folded().labels
        wanted = LATER if later else None
        found = []
        for number, rows in enumerate(self._all_clusters):
            faces = [face for row in rows if labels.get(face := self._ids[row]) == wanted]
            if faces:
                suggestion = self._suggestion(faces)
                found.append(Cluster(number, tuple(faces), faces[0], suggestion))
        if verdicts.is_own(self.project):
            return sorted(found, key=self._sureness)
        return sorted(found, key=lambda cluster: -len(cluster.faces))

    def name(self, faces: Sequence[str], label: str, struck: Sequence[str] = ()) -> int:
        """Say whom faces are of; returns the answer's number, to undo it by.

        label: a character as people write it, or one of `simpsons.project.SPECIAL`. One that is
        spelt like a label in use, or like one of the 18, is that one. struck: other faces, which
        are not of the label, and won't be offered for it.
        """
        self._require(faces)
        self._require(struck)
        return self.project.answers.name(faces, self.label_for(label), struck)

    def accept(self, label: str, accepted: Sequence[str], struck: Sequence[str] = ()) -> int:
        """Answer a page: these faces are of the label, those are not."""
        return self.name(accepted, label, struck)

    def page(self, label: str, size: int = PAGE) -> list[str]:
        """Faces without an answer, those that are most surely of the label first.

        Faces that were struck for it are left out. The order is that of a head that is fitted to
        all answers; before the first face of the label is named, that of the network that ships.
        A page ends where the head takes faces for somebody else; if it takes all for others, the
        surest `FEW` are on it. Empty if neither knows the label, and if no face is left. `LATER`
        gives what was left for later.
        """
        label = self.label_for(label)
        if label == LATER:
            return [face for cluster in self.clusters(later=True) for face in cluster.faces][:size]
        folded = self._folded()
        rows = self._offered(folded, label)
        if not len(rows):
            return []
        if label not in folded.labels.values():
            return self._by_network(rows, label)[:size]
        likely, ordered = self._surest(folded, label)
        return [self._ids[row] for row in ordered[: max(FEW, likely)][:size]]

    def stop_reason(self, label: str) -> str | None:
        """Why another page of the label isn't worth the time, in words; None while it is."""
        label = self.label_for(label)
        folded = self._folded()
        if not len(self._offered(folded, label)):
            return "no face without an answer is left for it"
        pages = [answer for answer in reversed(self._holding()) if answer.label == label]
        offered, struck = _counted(pages[:1])
        if offered and struck >= _ENOUGH_STRUCK * offered and not self._surest(folded, label)[0]:
            return "the faces that are left look more like others"
        while pages and offered < PAGE:
            pages = pages[1:]
            more = _counted(pages[:1])
            offered, struck = offered + more[0], struck + more[1]
        if offered >= PAGE and struck >= _ENOUGH_STRUCK * offered:
            return f"{struck} of the last {offered} faces were struck"
        return None

    def doubtful(self) -> list[Doubt]:
        """Named faces that the other answers disagree with, the most doubtful first.

        By confident learning, with heads that saw no face of the same group. To agree with one is
        `name([face], suggested)`; to keep its name is `accept(suggested, [], [face])`, after which
        it is not doubted for that label again.
        """
        from simpsons.auditing import labels as audit

        folded = self._folded()
        rows, answers = self._answered(folded.labels)
        if len(set(answers)) < 2:
            return []
        groups = [self.project.faces[row].group for row in rows]
        classes, said = order.out_of_fold(self._features[rows], answers, groups)
        given = np.array([classes.index(label) for label in answers])
        checked = said[np.arange(len(given)), given] > 0  # other faces of the class were in a fold
        kept = np.unique(given[checked])
        if len(kept) < 2:
            return []
        rows, said = rows[checked], said[checked][:, kept]
        said /= said.sum(axis=1, keepdims=True)
        found = audit.find(np.searchsorted(kept, given[checked]), said)
        doubts = [
            Doubt(self._ids[rows[each.row]], classes[kept[each.given]], classes[kept[each.likely]])
            for each in found
        ]
        return [
            doubt for doubt in doubts if doubt.suggested not in folded.rejected.get(doubt.face, ())
        ]

    def undo(self, number: int | None = None) -> int | None:
        """Take back an answer, None for the last that holds; returns its number, None if none."""
        return self.project.answers.undo(number)

    def status(self) -> Status:
        """How far it is."""
        answered = self._folded().labels.items()
        counts = Counter(label for face, label in answered if face in self._rows)
        return Status(
            faces=len(self._ids),
            characters={label: counts[label] for label in self.labels()},
            nobody=counts[NOBODY],
            no_face=counts[NO_FACE],
            later=counts[LATER],
            left=len(self._ids) - counts.total(),
            answers=self._version(),
        )

    def labels(self) -> list[str]:
        """The characters that faces are named after, in the order of their first answer."""
        held = dict.fromkeys(
            answer.label for answer in self._holding() if answer.label not in SPECIAL
        )
        named = {label for face, label in self._folded().labels.items() if face in self._rows}
        return [label for label in held if label is not None and label in named]

    def label_for(self, text: str) -> str:
        """The label that is meant: one in use that is spelt alike, else the text, cleaned."""
        if text in SPECIAL:
            return text
        label = clean_label(text)
        used = dict.fromkeys(
            answer.label for answer in self._holding() if answer.label not in SPECIAL
        )
        return find_name(label, filter(None, used)) or label

    def changed_since(self, number: int) -> set[str]:
        """The faces of all answers behind that number."""
        answers = self.project.answers.read()[number:]
        return {face for answer in answers for face in (*answer.faces, *answer.struck)}

    @cached_property
    def _features(self) -> NDArray[np.float32]:
        return order.features(self.project.embeddings)

    @cached_property
    def _all_clusters(self) -> list[NDArray[np.int64]]:
        return clusters.clusters(self.project.embeddings)

    def _folded(self) -> Folded:
        version = self._version()
        if self._known[0] != version:
            self._known = version, self.project.answers.folded()
        return self._known[1]

    def _version(self) -> int:
        return len(self.project.answers.read())

    def _holding(self) -> list[Answer]:
        return self.project.answers.holding()

    def _require(self, faces: Collection[str]) -> None:
        for face in faces:
            if face not in self._rows:
                raise ProjectError(f"{face!r:.80} is no face of this project; open it again")

    def _sureness(self, cluster: Cluster) -> float:
        """How sure the network is of a cluster's faces, in the mean."""
        faces = [self.project.faces[self._rows[face]] for face in cluster.faces]
        return sum(map(verdicts.sureness, faces)) / len(faces)

    def _suggestion(self, faces: Sequence[str]) -> str | None:
        """Whom the network that ships is sure that most of these faces are of."""
        said = Counter(self.project.faces[self._rows[face]].verdict for face in faces)
        label, count = said.most_common(1)[0]
        return label if label != UNKNOWN and count >= SURE * len(faces) else None

    def _offered(self, folded: Folded, label: str) -> NDArray[np.int64]:
        """Rows without an answer that were not struck for the label."""
        rows = [
            row
            for row, face in enumerate(self._ids)
            if face not in folded.labels and label not in folded.rejected.get(face, ())
        ]
        return np.array(rows, np.int64)

    def _answered(self, labels: dict[str, str]) -> tuple[NDArray[np.int64], list[str]]:
        """Rows that say something of other faces, and their labels."""
        found = [
            (self._rows[face], label)
            for face, label in labels.items()
            if face in self._rows and label != LATER
        ]
        return np.array([row for row, _ in found], np.int64), [label for _, label in found]

    def _by_network(self, rows: NDArray[np.int64], label: str) -> list[str]:
        faces = [self.project.faces[row] for row in rows]
        alike = [face for face in faces if face.label == label]
        alike.sort(key=lambda face: (face.verdict == UNKNOWN, -face.probability))
        return [face.id for face in alike]

    def _surest(self, folded: Folded, label: str) -> tuple[int, NDArray[np.int64]]:
        """How many faces without an answer are likelier of the label than of any other, and the
        rows of all, the surest first.

        By a head that is fitted to all answers; what was struck for the label, and has no other, is
        a class.
        """
        version = self._version()
        if label in self._orders and self._orders[label][0] == version:
            return self._orders[label][1:]
        offered = self._offered(folded, label)
        rows, answers = self._answered(folded.labels)
        if label not in answers:
            return 0, offered
        struck = [
            self._rows[face]
            for face, rejected in folded.rejected.items()
            if label in rejected and face in self._rows and face not in folded.labels
        ]
        rows = np.concatenate([rows, np.array(struck, np.int64)])
        head = order.fit(self._features[rows], [*answers, *[_STRUCK] * len(struck)])
        likely, ordered = order.surest(head, self._features[offered], label)
        self._orders[label] = version, likely, offered[ordered]
        return likely, offered[ordered]


def _counted(pages: Sequence[Answer]) -> tuple[int, int]:
    """How many faces were on pages, and how many of them were struck."""
    struck = sum(len(page.struck) for page in pages)
    return struck + sum(len(page.faces) for page in pages), struck
