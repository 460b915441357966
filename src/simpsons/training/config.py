"""`config.json` of a run folder: everything needed to repeat the run."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from simpsons.dataset.folders import Characters
from simpsons.errors import SimpsonsError
from simpsons.training.recipe import Recipe

CONFIG, SPLIT, TENSORBOARD = "config.json", "split.csv", "tensorboard"


@dataclass(frozen=True)
class Config:
    """What was asked of a run, and on what it ran.

    initial, teachers: as `learnt.load` takes them. machine: `device.Machine`'s values. licence: of
    the data that the run, or a network that it learnt from, has seen; None where only the owner of
    the pictures knows it. boxes: the box file, if there is one.
    leaking: of a split that folders give, how many pictures of a part have a near-duplicate among
    the training pictures.
    """

    network: str
    recipe: Recipe
    data: str
    characters: Characters
    initial: str | None
    teachers: tuple[str, ...]
    split: str
    split_seed: int | None
    seed: int
    device: str
    pictures: int
    left_out: int
    parts: dict[str, int]
    classes: tuple[str, ...]
    version: str
    dropped: int = 0
    relabelled: int = 0
    machine: dict[str, Any] = field(default_factory=dict)
    licence: str | None = None
    boxes: str | None = None
    leaking: dict[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def read(cls, folder: Path) -> "Config":
        """The configuration of a run folder. Raises SimpsonsError if there is none."""
        path = folder / CONFIG
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            recipe = Recipe.from_json(values["recipe"])
            tuples = {key: tuple(values[key]) for key in ("classes", "teachers")}
            return cls(**{**values, **tuples, "recipe": recipe})
        except (FileNotFoundError, NotADirectoryError):
            raise SimpsonsError(
                f"{folder}: is no run folder, it has no {CONFIG}; start one with `simpsons train`"
            ) from None
        except (KeyError, TypeError, ValueError):
            raise SimpsonsError(f"{path}: is damaged; train again into a new folder") from None
