"""`collect`: films and folders of pictures in, a project with their faces out.

What is done is in a journal, a line a shot, so a collection that was killed goes on where it was.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import av
import numpy as np
from filelock import FileLock, Timeout

from simpsons import urls
from simpsons.classifier import SHIPPED, Classifier, model_path
from simpsons.detector import FACES, NAMES, Detector
from simpsons.errors import DataError, SimpsonsError
from simpsons.files import write_bytes
from simpsons.films.film import Film, FilmError
from simpsons.pixels import images
from simpsons.pixels.picture_files import Expansion, Say
from simpsons.progress import Track, silent
from simpsons.project import selection, store
from simpsons.project.cutting import Cut, CutPicture, Cutter, Listed
from simpsons.project.embedding import Embedder
from simpsons.project.errors import ProjectError
from simpsons.project.folders import file_name, free_name
from simpsons.project.journal import Journal, SourceState
from simpsons.project.kept import Alike, Kept
from simpsons.project.pictures import frames as frames_of
from simpsons.project.rows import RowFile
from simpsons.project.selection import PER_SHOT
from simpsons.project.store import Project, Source
from simpsons.shares import in_shares
from simpsons.sorting import folder_name

MOST_PER_SHOT = 100
"""What `per_shot` is at most."""

FILMS = (
    ".3gp", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts",
    ".ogv", ".ts", ".vob", ".webm", ".wmv",
)  # fmt: skip
"""File name endings, in lower case, that are taken for films when a folder is read."""

_LOCK = "collect.lock"
_THUMBNAILS = "thumbnails.npy"
_OURS = re.compile(
    r"(?P<film>.+)_s(?P<shot>\d{5,})_(?P<h>\d+)h(?P<m>\d\d)m(?P<s>\d\d\.\d{3})(_f\d+)?"
)
_THREADS = 4  # look for faces at the same time: decoding a film is slower than so many
_END = 2**20  # bytes of a film's beginning and end that tell it from others


@dataclass(frozen=True)
class Collected:
    """What `collect` did. sources: of this call. failures: what could not be read, in words."""

    project: Project
    sources: tuple[Source, ...]
    failures: tuple[str, ...]


def collect(
    films: Sequence[str | os.PathLike[str]] | str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    per_shot: int = PER_SHOT,
    faces: str | os.PathLike[str] = FACES,
    model: str | os.PathLike[str] | Classifier = NAMES,
    detector: Detector | None = None,
    track: Track = silent,
) -> Collected:
    """Collect the faces of films, and of folders of pictures or films, into a project.

    A film that was collected already is not read again; one whose collection was killed goes on,
    with the `per_shot` with which it began. What can't be read is among the failures, and the rest
    goes on.

    Args:
        films: one or several, and folders of pictures or films.
        out: the project's folder, a new one or one to add to.
        per_shot: frames of a shot to keep at most, 1 to 100.
        faces: what finds faces: faces, an ONNX file, or a run folder.
        model: what names them: cnn-int8, cnn, xception, dolls, an ONNX file, or a run folder.
        detector: instead of `faces` and `model`.
        track: shows progress, such as `simpsons.progress.bar`.

    Raises:
        ProjectError: if `out` is no project, or another collection is at work there.
        SimpsonsError: for a `per_shot` out of its range, or a network that can't be used.
        OSError: if nothing can be written.
    """
    given = [films] if isinstance(films, str | os.PathLike) else list(films)
    sources: list[Source] = []
    failures: list[str] = []
    detector = detector or Detector(faces, model)
    with Collector(out, per_shot, detector, track) as collector:
        for path in collector.expanded(given):
            try:
                sources.append(collector.add(path))
            except (FilmError, DataError) as error:
                failures.append(str(error))
    return Collected(Project.open(out), tuple(sources), tuple(failures))


class Collector:
    """Adds films and folders to a project, one at a time; use it in a `with` block.

    out, per_shot, detector: as `collect` takes them, and it raises the same.
    """

    def __init__(
        self,
        out: str | os.PathLike[str],
        per_shot: int = PER_SHOT,
        detector: Detector | None = None,
        progress: Track = silent,
    ) -> None:
        if said := urls.refusal(out, "output"):
            raise ProjectError(said)
        if not 1 <= per_shot <= MOST_PER_SHOT:
            raise SimpsonsError(
                f"{per_shot} frames of a shot can't be kept; give 1 to {MOST_PER_SHOT}"
            )
        self.root = Path(out)
        self._require_project()
        self._per_shot, self._progress = per_shot, progress
        self._detector = detector or Detector()
        self._embedder = Embedder()
        self._cutter = Cutter(self._detector, self._embedder)
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            self.root.mkdir(parents=True, exist_ok=True)
            self._claim(opened)
            self._journal = opened.enter_context(Journal(self.root / store.COLLECTED))
            self._note_networks()
            faces, frames = len(self._journal.faces), len(self._journal.frames)
            self._embeddings = opened.enter_context(self._open_embeddings(faces))
            shape = images.SIZE, images.SIZE, 3
            thumbnails = opened.enter_context(self._rows(_THUMBNAILS, shape, np.uint8, frames))
            self._thumbnails = thumbnails
            self._kept = Kept(thumbnails, self._load_frame)
            self._publish()
            self._open = opened.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._open:
            if kind is None:
                self._publish()
            else:
                with suppress(OSError):  # as on a full disk: what was wrong is said already
                    self._publish()

    @property
    def count(self) -> int:
        """The faces of the project so far."""
        return len(self._journal.faces)

    def expanded(self, given: Iterable[str | os.PathLike[str]]) -> Iterator[str | Path]:
        """The films and folders of pictures that these stand for, each once.

        A folder stands for the films that lie in it, and for itself if it has pictures. A URL, or
        what is not there, is given back; `add` says what is wrong with it.
        """
        done = set()
        for each in given:
            for path in self._expanded(each):
                real = os.path.realpath(path)
                if real not in done:
                    done.add(real)
                    yield path

    def add(self, path: str | os.PathLike[str]) -> Source:
        """Collect a film or a folder of pictures, or go on with it.

        What could not be read of it is its `problem`. Raises FilmError or DataError if nothing
        could be read, OSError if it can't be written.
        """
        if said := urls.refusal(path, "film"):
            raise FilmError(said)
        if Path(path).is_dir():
            return self._add_folder(Path(path))
        if Path(path).suffix.lower() in images.SUFFIXES - {".gif"} and Path(path).is_file():
            raise DataError(f"{path}: is a picture; give the folder that it is in")
        return self._add_film(Path(path))

    def _require_project(self) -> None:
        if self.root.exists() and not self.root.is_dir():
            raise ProjectError(f"{self.root}: is a file; give a folder for the project")
        if (self.root / store.COLLECTED).is_file():
            if store.is_project(self.root):  # else it was killed before anything was there
                store.require_readable(self.root)
            return
        if store.is_project(self.root):
            raise ProjectError(
                f"{self.root}: is a project without its {store.COLLECTED}, so nothing can be added "
                "to it; collect into a new folder"
            )
        others = {_LOCK} if self.root.is_dir() else set()
        if self.root.is_dir() and {entry.name for entry in self.root.iterdir()} - others:
            raise ProjectError(
                f"{self.root}: is not a project and not empty; give a new folder with --out"
            )

    def _claim(self, opened: ExitStack) -> None:
        try:
            opened.enter_context(FileLock(self.root / _LOCK, timeout=0))
        except Timeout:
            raise ProjectError(
                f"{self.root}: another `simpsons collect` is at work there; wait for it, or give "
                "another folder"
            ) from None
        except NotImplementedError:  # a network drive that has no locks
            return

    def _rows(
        self, name: str, shape: tuple[int, ...], kind: type[np.generic], rows: int
    ) -> RowFile:
        try:
            return RowFile(self.root / name, shape, kind, rows)
        except ValueError as error:
            raise ProjectError(
                f"{error}; take it from a copy, or collect into a new folder"
            ) from None

    def _open_embeddings(self, faces: int) -> RowFile:
        """They are made anew if the file is not there, or too short."""
        shape = (self._embedder.size,)
        try:
            return RowFile(self.root / store.EMBEDDINGS, shape, np.float32, faces)
        except ValueError:
            self._embed_anew()
        return self._rows(store.EMBEDDINGS, shape, np.float32, faces)

    def _note_networks(self) -> None:
        """Write down by what faces are found; embed all anew if that has changed."""
        detector = hashlib.sha256(self._detector.path.read_bytes()).hexdigest()
        networks = {
            "detector": detector,
            "names": _name_of(self._detector.names.path),
            "embedding": self._embedder.fingerprint,
            "size": self._embedder.size,
        }
        before = self._journal.networks
        if networks == before:
            return
        if before and before["embedding"] != networks["embedding"]:
            self._embed_anew()
        self._journal.add({"networks": networks})

    def _embed_anew(self) -> None:
        """Make the embeddings of all faces by the network of now, from their crops."""
        beside = self.root / f".{store.EMBEDDINGS}"
        beside.unlink(missing_ok=True)
        crops = [self.root / face.crop for face in self._journal.faces]
        with RowFile(beside, (self._embedder.size,), np.float32) as rows:
            found = self._embedder.embed_all(crops)
            for one in self._progress(found, len(crops), "embedding"):
                vector = getattr(one, "vector", None)
                if vector is None:
                    raise ProjectError(f"{getattr(one, 'error', '')}; take it from a copy")
                rows.add(vector[None])
            rows.publish()
        beside.replace(self.root / store.EMBEDDINGS)

    def _expanded(self, given: str | os.PathLike[str]) -> Iterator[str | Path]:
        if urls.refusal(given, "film") or not Path(given).is_dir():
            yield Path(given) if isinstance(given, os.PathLike) else given
            return
        folder = Path(given)
        films = _films_in(folder)
        yield from films
        if not films or _pictures_in(folder, self.root):
            yield folder

    def _add_film(self, path: Path) -> Source:
        with Film(path) as film:
            about = _about_film(path, self._per_shot)
            state = self._known(lambda one: one.about["fingerprint"] == about["fingerprint"])
            if state:
                self._note_path(state, about["path"])
            if state and state.end is not None:
                return state.to_source()
            name = state.name if state else self._new_name(path.stem)
            done = state.shots if state else 0
            per_shot = state.about["per_shot"] if state else self._per_shot
            shots = selection.shots(film, per_shot, done, self._progress)
            problem = None
            try:
                for cut in in_shares(lambda some: map(self._cutter.shot, some), shots, 1, _THREADS):
                    self._begin(name, about)
                    self._keep(name, cut)
            except av.FFmpegError as error:
                if name not in self._journal.sources:
                    raise FilmError(f"{path}: can't be read ({error.strerror})") from None
                problem = f"{path}: can't be read beyond second {film.end:.1f} ({error.strerror})"
            self._begin(name, about)
            return self._end(name, film.end, film.problem or problem)

    def _add_folder(self, folder: Path) -> Source:
        real = os.path.realpath(folder)
        root = os.path.realpath(self.root)
        if real == root or Path(real).is_relative_to(root):
            raise DataError(f"{folder}: belongs to the project itself; give other pictures")
        reasons: list[str] = []
        paths = _pictures_in(folder, self.root, lambda _, reason: reasons.append(reason))
        if not paths and reasons and store.is_project(folder):
            raise DataError(reasons[0])
        if not paths:
            raise DataError(f"{folder}: has no pictures and no films; give a folder that has some")
        state = self._known(lambda one: one.about["path"] == real)
        name = state.name if state else self._new_name(Path(real).name)
        keys = {path: f"{path}|{_changed(folder / path)}" for path in paths}
        done = state.pictures if state else {}
        new = [path for path in paths if keys[path] not in done]
        if state and state.end is not None and not new:
            return state.to_source()
        listed = list(_listed(folder, paths, keys, state))
        cuts = in_shares(lambda some: map(self._cutter.file, some), listed, 4, _THREADS)
        pairs = zip(listed, cuts, strict=True)
        about = _about_folder(folder, paths)
        failures: list[str] = []
        unread: list[tuple[int, str]] = []
        for one, cut in self._progress(pairs, len(listed), f"reading {Path(real).name}"):
            key = keys[one.path.relative_to(folder).as_posix()]
            if isinstance(cut, images.ImageError):
                failures.append(str(cut))
                unread.append((one.number, key))
                continue
            self._begin(name, about)
            self._note_unread(name, unread)
            self._keep(name, cut, key)
        if len(failures) == len(paths):
            raise DataError(failures[0])
        self._begin(name, about, again=True)
        self._note_unread(name, unread)
        if failures:
            reasons.append(
                f"{folder}: {len(failures):,} of {len(paths):,} pictures can't be read; the first: "
                f"{failures[0]}"
            )
        return self._end(name, 0.0, "; ".join(reasons) or None)

    def _note_unread(self, name: str, unread: list[tuple[int, str]]) -> None:
        for number, key in unread:
            line = {"film": name, "shot": number, "frames": [], "left_out": {}, "unread": key}
            self._journal.add(line)
        unread.clear()

    def _known(self, is_it: Callable[[SourceState], bool]) -> SourceState | None:
        return next(filter(is_it, self._journal.sources.values()), None)

    def _new_name(self, stem: str) -> str:
        """A name in the project for a film: its own, with a number if that is taken."""
        safe = file_name(stem)
        safe = safe if safe and folder_name(safe) == safe else f"film_{safe}".strip("_. ")
        taken = {name.casefold() for name in self._journal.sources}
        name, number = safe, 1
        while name.casefold() in taken:
            number += 1
            name = f"{safe}-{number}"
        return name

    def _note_path(self, state: SourceState, path: str) -> None:
        """Where a film is now, if it is no longer where it was."""
        if path == state.about["path"] or Path(state.about["path"]).exists():
            return
        end = state.end
        self._begin(state.name, state.about | {"path": path}, again=True)
        if end is not None:
            self._journal.add({"film": state.name, "end": end})

    def _begin(self, name: str, about: dict[str, Any], *, again: bool = False) -> None:
        if again or name not in self._journal.sources:
            self._journal.add({"film": name, "source": about})

    def _end(self, name: str, duration: float, problem: str | None) -> Source:
        end = {"duration": round(duration, 3), "problem": problem}
        self._journal.add({"film": name, "end": end})
        self._publish()
        return self._journal.sources[name].to_source()

    def _keep(self, film: str, cut: Cut, picture: str | None = None) -> None:
        """Write the pictures of a shot that are no copies, and then that it is done."""
        left_out = cut.left_out.copy()
        before = len(self._kept)
        frames, taken = [], self._journal.sources[film].files
        for one in cut.pictures:
            is_copy, alike = self._kept.find(one.thumbnail, one.larger, one.shorter, before)
            if is_copy:
                left_out["near_duplicate"] += 1
                continue
            name = free_name(f"{film}_s{cut.number:05d}_{one.name}", taken)
            self._write(film, name, one)
            self._kept.add(one.thumbnail)
            frames.append(_frame_line(name, one, alike))
        line = {"film": film, "shot": cut.number, "frames": frames, "left_out": dict(left_out)}
        self._journal.add(line if picture is None else line | {"picture": picture})

    def _write(self, film: str, name: str, picture: CutPicture) -> None:
        frame = self.root / store.FRAME_FOLDER / film / f"{name}.jpg"
        write_bytes(frame, picture.file, flush=True)
        for number, face in enumerate(picture.faces):
            crop = self.root / store.FACE_FOLDER / film / f"{name}_f{number}.jpg"
            write_bytes(crop, face.crop, flush=True)
        self._embeddings.add(picture.vectors)

    def _load_frame(self, row: int, size: int) -> images.Pixels:
        path = self.root / self._journal.frames[row][0]
        try:
            return images.load(path, size)
        except images.ImageError:  # removed by hand: nothing is a copy of it
            return np.zeros((size, size, 3), np.uint8)

    def _publish(self) -> None:
        """Bring what a project is read from up to date: embeddings first, then the faces."""
        journal = self._journal
        self._embeddings.publish()
        self._thumbnails.publish()
        groups = journal.groups().tolist()
        faces = (
            replace(face, group=group) for face, group in zip(journal.faces, groups, strict=True)
        )
        networks = journal.networks or {}
        used = [networks[key] for key in ("detector", "names", "embedding")]
        sources = [state.to_source() for state in journal.sources.values()]
        store.write_project(self.root, sources, *used)
        store.write_faces(self.root, faces)


def _name_of(network: Path) -> str:
    """Its name if it is in the package, else its path."""
    is_shipped = network.stem in SHIPPED and network == model_path(network.stem)
    return network.stem if is_shipped else str(network)


def _frame_line(name: str, picture: CutPicture, alike: Sequence[Alike]) -> dict[str, Any]:
    return {
        "name": name,
        "time": round(picture.time, 3),
        "alike": [[one.row, round(one.agreement, 4), one.mirrored] for one in alike],
        "faces": [
            {
                "box": list(each.box),
                "score": round(each.face.score, 4),
                "label": each.face.label,
                "probability": round(each.face.probability, 4),
                "verdict": each.face.verdict,
            }
            for each in picture.faces
        ],
    }


def _about_film(path: Path, per_shot: int) -> dict[str, Any]:
    status = path.stat()
    return {
        "path": os.path.realpath(path),
        "kind": "film",
        "size": status.st_size,
        "modified": status.st_mtime,
        "fingerprint": _fingerprint(path, status.st_size),
        "per_shot": per_shot,
    }


def _fingerprint(path: Path, size: int) -> str:
    """Tells films apart by their size, beginning and end, wherever they lie."""
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        digest.update(file.read(_END))
        file.seek(max(0, size - _END))
        digest.update(file.read(_END))
    return digest.hexdigest()


def _films_in(folder: Path) -> list[Path]:
    with suppress(OSError):  # who reads its pictures says so
        found = sorted(folder.iterdir())
        return [
            path
            for path in found
            if path.suffix.lower() in FILMS and not path.name.startswith(".") and path.is_file()
        ]
    return []


def _pictures_in(folder: Path, project: Path, unread: Say = lambda *_: None) -> tuple[str, ...]:
    """The pictures below a folder but for those of the project, relative to it.

    Of another project it is the frames. unread: is told what can't be read.
    """
    found = Expansion(unread, instead=frames_of).pictures([os.fspath(folder)])
    paths = tuple(Path(path).relative_to(folder).as_posix() for path in found)
    inside = os.path.realpath(project)
    if not Path(inside).is_relative_to(os.path.realpath(folder)):
        return paths
    return tuple(
        path for path in paths if not Path(os.path.realpath(folder / path)).is_relative_to(inside)
    )


def _changed(path: Path) -> str:
    """Is another one when a file has changed; empty for one that can't be read."""
    try:
        status = path.stat()
    except OSError:
        return ""
    return f"{status.st_size}|{status.st_mtime_ns}"


def _about_folder(folder: Path, paths: Sequence[str]) -> dict[str, Any]:
    size, modified = 0, 0.0
    for path in paths:
        with suppress(OSError):  # reading it says so
            status = (folder / path).stat()
            size, modified = size + status.st_size, max(modified, status.st_mtime)
    return {
        "path": os.path.realpath(folder),
        "kind": "folder",
        "size": size,
        "modified": modified,
        "fingerprint": "",
        "per_shot": 0,
    }


def _listed(
    folder: Path, paths: Iterable[str], keys: Mapping[str, str], state: SourceState | None
) -> Iterator[Listed]:
    """The pictures that are not done, with the numbers of their shots.

    Each is a shot of its own, but for those whose names say one film and shot, as those do that a
    project gives. keys: of the pictures, by path. One that could not be read before keeps its
    number.
    """
    number = state.shots if state else 0
    done = state.pictures if state else {}
    known = {**done, **state.unread} if state else {}
    shots: dict[tuple[str, str], int] = {}
    for path in paths:
        said = _OURS.fullmatch(Path(path).stem)
        key = (said["film"], said["shot"]) if said else (path, "")
        shot = known.get(keys[path], shots.get(key, number))
        number = max(number, shot + 1)
        shots[key] = shot
        if keys[path] in done:
            continue
        name = file_name(Path(path).stem) or "picture"
        time = 0.0
        if said:
            time = 3600 * int(said["h"]) + 60 * int(said["m"]) + float(said["s"])
        yield Listed(shot, folder / path, name, time)
