"""`config.json` of a run folder: everything needed to repeat the run."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from simpsons import models
from simpsons.dataset.folders import Characters
from simpsons.dataset.split import PARTS
from simpsons.errors import SimpsonsError
from simpsons.plain import built
from simpsons.run_files import CONFIG
from simpsons.training.device import Machine
from simpsons.training.recipe import Recipe


@dataclass(frozen=True)
class Config:
    """What was asked of a run, and on what it ran.

    initial, teachers: as `Pretrained` takes them. machine: `device.Machine`'s values. licence: of
    the data that the run, or a network that it learnt from, has seen; None where only the owner of
    the pictures knows it. boxes: the box file, if there is one.
    leaking: of a split that folders give, how many pictures of a part have a near-duplicate among
    the training pictures. listed: the lines of `split.csv`; None of a run of an earlier version.
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
    listed: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def read(cls, folder: Path) -> "Config":
        """The configuration of a run folder. Raises SimpsonsError if there is none, or it lies."""
        path = folder / CONFIG
        try:
            config = built(cls, json.loads(path.read_text(encoding="utf-8")))
            config._require_sense()
        except (FileNotFoundError, NotADirectoryError):
            raise SimpsonsError(
                f"{folder}: is not a run folder: it has no {CONFIG}; start one with "
                "`simpsons train`"
            ) from None
        except (ValueError, RecursionError) as error:
            raise SimpsonsError(
                f"{path}: is damaged ({error}); train again into a new folder"
            ) from None
        return config

    def _require_sense(self) -> None:
        """Raise ValueError for values that no run has."""
        Recipe.from_json(asdict(self.recipe))
        if self.network not in (*models.NETWORKS, models.TEACHER, models.DETECTOR):
            raise ValueError(f"network is {self.network!r}")
        if not self.classes or "" in self.classes or len(set(self.classes)) < len(self.classes):
            raise ValueError(f"classes is {self.classes}")
        if self.parts.keys() != set(PARTS) or not self.leaking.keys() <= set(PARTS):
            raise ValueError(f"parts is {self.parts}")
        if self.machine:
            built(Machine, self.machine, "machine")
        counts = {
            "seed": self.seed,
            "split_seed": self.split_seed or 0,
            "pictures": self.pictures,
            "left_out": self.left_out,
            "dropped": self.dropped,
            "relabelled": self.relabelled,
            "listed": self.listed or 0,
            **self.parts,
            **self.leaking,
        }
        for name, count in counts.items():
            if not 0 <= count < 2**63:
                raise ValueError(f"{name} is {count}")
