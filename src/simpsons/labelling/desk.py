"""A session that several browsers answer at once."""

import hashlib
import threading
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from simpsons.labelling.session import Session
from simpsons.project import Answer, Project, ProjectError


@dataclass(frozen=True)
class Taken:
    """What became of an answer. number: None if nothing of it was left. left_out: faces that
    somebody else answered since the page was made."""

    number: int | None
    left_out: tuple[str, ...]


class Desk:
    """Whoever answers, a client, takes back what is their own alone, or older than the desk.

    It may be used by several threads.
    """

    def __init__(self, project: Project) -> None:
        self.session = Session(project)
        self.lock = threading.RLock()
        self.token = _token(project)
        self._rows = {face.id: row for row, face in enumerate(project.faces)}
        self._before = len(project.answers.read())
        self._clients: dict[int, str] = {}
        self._undone: dict[str, list[Answer]] = {}

    def rows(self, faces: Iterable[str]) -> list[int]:
        """The rows of faces, by id; what is none of the project is left out."""
        return [self._rows[face] for face in faces if face in self._rows]

    def faces(self, rows: Collection[int]) -> list[str]:
        """The ids of faces. Raises ProjectError for a row that there is not."""
        faces = self.session.project.faces
        found = [faces[row].id for row in rows if 0 <= row < len(faces)]
        if len(found) != len(rows):
            raise ProjectError("no such face; reload the page")
        return found

    def answer(
        self, client: str, label: str, faces: Sequence[str], struck: Sequence[str], seen: int
    ) -> Taken:
        """Take an answer. seen: the last answer that the client knew when it gave this one."""
        with self.lock:
            changed = self.session.changed_since(seen)
            kept = [face for face in faces if face not in changed]
            kept_struck = [face for face in struck if face not in changed]
            left_out = tuple(face for face in (*faces, *struck) if face in changed)
            if left_out and not kept and not kept_struck:
                return Taken(None, left_out)
            number = self.session.name(kept, label, kept_struck)
            self._clients[number] = client
            self._undone.pop(client, None)
            return Taken(number, left_out)

    def undo(self, client: str) -> Answer | None:
        """Take back the client's last answer; None if there is none."""
        with self.lock:
            for answer in reversed(self.session.project.answers.holding()):
                number = answer.number
                if number <= self._before or self._clients.get(number) == client:
                    self.session.undo(number)
                    self._undone.setdefault(client, []).append(answer)
                    return answer
            return None

    def redo(self, client: str) -> Answer | None:
        """Give the answer again that the client took back last; None if there is none."""
        with self.lock:
            undone = self._undone.get(client)
            if not undone:
                return None
            answer = undone.pop()
            number = self.session.name(answer.faces, answer.label or "", answer.struck)
            self._clients[number] = client
            return answer


def _token(project: Project) -> str:
    """Tells projects apart that are served at one address one after the other."""
    first = project.faces[0].id if project.faces else ""
    return hashlib.sha256(f"{project.root.resolve()}\n{first}".encode()).hexdigest()[:12]
