"""What a network makes of the characters that it knows, kept to learn others beside them.

Not pictures: the features that `formats.more_characters.Reader` gives, reduced to their principal
components and stored in 8 bits. `python -m benchmarks.memory` makes those of the shipped networks.
"""

import hashlib
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save_file

from simpsons.classifier import model_path
from simpsons.errors import SimpsonsError
from simpsons.files import StrPath, whole

REMEMBERED = ("cnn", "xception")
"""The shipped networks that have a memory."""

_STEP = 1 / 16
"""Between two values that are stored, in standard deviations of a feature."""

_LIMIT = 127 * _STEP
_IN_STEPS = ("known", "held_out", "strangers")
_FINGERPRINT = "fingerprint"

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Memory:
    """Features of pictures, as float32 `[N, D]` each, in principal components.

    known: of the characters that the network knows, equally many of each. held_out: of others of
    them, which the network has not learnt from, and which of these are faces, cut out, and not
    whole pictures: bool `[N]`. strangers: of characters whom it does not know, and whose each is:
    int64 `[N]`. centre, basis: from features `[N, F]`: the means, float32 `[F]`, and
    what takes features less the means to components, float32 `[F, D]`. fingerprint: the SHA-256 of
    the network's file.
    """

    known: Array
    held_out: Array
    is_face: NDArray[np.bool_]
    strangers: Array
    stranger: NDArray[np.int64]
    centre: Array
    basis: Array
    fingerprint: str

    @classmethod
    def of(cls, network: StrPath) -> "Memory":
        """That of a shipped network. Raises SimpsonsError for another."""
        if network not in REMEMBERED:
            raise SimpsonsError(
                f"{network}: has no memory of those it knows, which --keep needs; start from "
                f"{' or '.join(REMEMBERED)}, or train on the pictures of all characters"
            )
        return cls.read(memory_path(str(network)))

    @classmethod
    def read(cls, path: Path) -> "Memory":
        """What `write` wrote."""
        with safe_open(path, framework="np") as file:
            names = file.keys()
            stored = {name: file.get_tensor(name) for name in names}
            made_for = file.metadata()[_FINGERPRINT]
        steps = {name: stored.pop(name).astype(np.float32) * _STEP for name in _IN_STEPS}
        basis = stored.pop("basis").astype(np.float32)
        return cls(**steps, **stored, basis=basis, fingerprint=made_for)

    def write(self, path: Path) -> None:
        """Store it in 8 bits, whole or not at all."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        metadata = {_FINGERPRINT: values.pop(_FINGERPRINT)}
        for name in _IN_STEPS:
            steps = np.rint(values[name].clip(-_LIMIT, _LIMIT) / _STEP)
            values[name] = steps.astype(np.int8)
        values["basis"] = self.basis.astype(np.float16)
        with whole(path) as temporary:
            save_file({k: np.ascontiguousarray(v) for k, v in values.items()}, temporary, metadata)

    def components(self, features: Array) -> Array:
        """Principal components, float32 `[N, D]`, of features `[N, F]`."""
        reduced: Array = ((features - self.centre) @ self.basis).clip(-_LIMIT, _LIMIT)
        return reduced


def memory_path(network: str) -> Path:
    """Where the memory of a shipped network is."""
    return model_path(network).with_name(f"{network}-memory.safetensors")


def fingerprint(path: Path) -> str:
    """The SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
