"""A project as a data set: the crops of the faces that a person named, by character.

See `simpsons.project`. What was answered by no name is left out: what is no face, and what was
left for later. A stranger's face is taken where strangers are asked for.
"""

import shlex
from collections import Counter
from pathlib import Path

from simpsons.classifier import UNKNOWN
from simpsons.dataset import folders
from simpsons.dataset.folders import Characters, Listing, Picture, Problem
from simpsons.errors import DataError


def find(root: Path, characters: Characters = None, strangers: bool = False) -> Listing:
    """List the crops of named faces, without opening them.

    characters: as `folders.find` takes it, but None for every character. strangers: also list, as
    of the character `unknown`, who is no class, the faces that are nobody's, and with `characters`
    those of all others.

    Raises DataError if nobody is named, or a name asked for is missing; ProjectError for a project
    that is damaged.
    """
    from simpsons.project import NOBODY, SPECIAL, Project

    project = Project.open(root)
    if not project.faces:
        raise DataError(f"{root}: is a project without faces; collect another film into it")
    labels = project.labels()
    named = {face: label for face, label in labels.items() if label not in SPECIAL}
    if not named:
        raise DataError(
            f"{root}: is a project in which nobody is named; name its {len(project.faces):,} faces "
            f"with `simpsons label {shlex.quote(str(root))}`"
        )
    counts = Counter(named.values())
    ranges = {name: range(count) for name, count in counts.items()}
    classes = folders.choose(root, ranges, "all" if characters is None else characters)
    found: dict[str, list[Picture]] = {name: [] for name in (*classes, UNKNOWN)}
    shots: dict[str, int] = {}
    problems: list[Problem] = []
    for face in project.faces:
        label = labels.get(face.id)
        is_stranger = label == NOBODY or (label in counts and label not in classes)
        if label not in classes and not (strangers and is_stranger):
            continue
        name = UNKNOWN if is_stranger else str(label)
        try:
            status = (root / face.crop).stat()
        except OSError as error:
            problems.append(Problem(face.crop, f"can't be read ({error.strerror})"))
            continue
        changed = max(status.st_mtime_ns, status.st_ctime_ns)
        found[name].append(Picture(face.crop, name, status.st_size, changed))
        shots[face.crop] = face.group
    if not any(found[name] for name in classes):
        raise DataError(f"{root}: its crops are gone; take its folder faces/ from a copy")
    return Listing(
        root=root,
        pictures=tuple(picture for name in found for picture in sorted(found[name])),
        classes=classes,
        problems=tuple(sorted(problems)),
        left_out={name: counts[name] for name in sorted(counts) if name not in classes},
        flat=False,
        shots=shots,
        remarks=(_told(project, labels),),
    )


def _told(project: object, labels: dict[str, str]) -> str:
    """What there is beside the named faces, in words."""
    from simpsons.project import LATER, NO_FACE, NOBODY, Project

    assert isinstance(project, Project)
    counts = Counter(labels.values())
    left = len(project.faces) - len(labels) + counts[LATER]
    return (
        f"a project of {len(project.faces):,} faces: {counts[NOBODY]:,} answered with nobody, "
        f"{counts[NO_FACE]:,} with no face, {left:,} without an answer"
    )
