"""An ONNX file in ONNX Runtime: what `Classifier` and `Detector` have in common."""

import json
import math
import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from simpsons import processors, urls
from simpsons.errors import SimpsonsError
from simpsons.run_files import CONFIG, MODEL

FACES_TASK = "faces"
"""`task` in the metadata of a face detector; a classifier has none."""

_KINDS: dict[str, type | tuple[type, ...]] = {
    "network": str,
    "recipe": dict,
    "split": dict,
    "figures": dict,
    "temperature": (int, float),
    "arithmetic": str,
    "kept": str,
    "data_licence": str,
    "version": str,
}
"""What the values in the metadata are, where they are there."""

_WAIT = "100"  # microseconds: longer than between two layers, shorter than between two batches


class ModelError(SimpsonsError):
    """Weights that can't be used. The message names the file, the reason and the remedy."""


class Network:
    """The network of an ONNX file.

    threads: None for one per core. remedy: where to get such a file, for the error.

    on_one_core: a session for each of many threads to use at the same time. on_all_cores: one for a
    picture or batch at a time, with `threads` threads; made when it is first needed.

    Raises ModelError for a file that can't be read or is no ONNX.
    """

    def __init__(self, path: Path, threads: int | None, remedy: str) -> None:
        self.path = path
        self._threads, self._remedy = threads, remedy
        try:
            self._content = path.read_bytes()
            self.on_one_core = self._session(threads=1)
        except OSError as error:
            raise ModelError(f"{path}: can't be read ({error.strerror})") from None
        except Exception as error:  # ONNX Runtime's errors share no base class
            raise self.error(f"is not a valid ONNX file ({_first_line(error)})") from None

    @cached_property
    def on_all_cores(self) -> Any:
        """See the class."""
        return self.on_one_core if self._threads == 1 else self._session(self._threads)

    def with_addition(self, addition: bytes) -> Any:
        """A session of the file with this put behind its bytes, which gives it further outputs.

        Raises ModelError where the two can't be run together; see `simpsons.formats.onnx_addition`.
        """
        try:
            return self._session(self._threads, addition)
        except Exception as error:  # ONNX Runtime's errors share no base class
            raise self.error(f"has an addition that can't be run ({_first_line(error)})") from None

    def run(
        self, session: Any, outputs: Sequence[str], inputs: dict[str, NDArray[Any]]
    ) -> list[NDArray[Any]]:
        """The outputs of these names. session: one of the two.

        Raises ModelError where the network fails, as one that takes another number of pictures.
        """
        try:
            answers: list[NDArray[Any]] = session.run(outputs, inputs)
        except Exception as error:  # ONNX Runtime's errors share no base class
            shapes = ", ".join(str(list(each.shape)) for each in inputs.values())
            raise self.error(f"can't be run on {shapes} ({_first_line(error)})") from None
        return answers

    def error(self, reason: str) -> ModelError:
        """The error that says what is wrong with the file, and where to get another."""
        return ModelError(f"{self.path}: {reason}; {self._remedy}")

    def metadata(self) -> dict[str, Any]:
        """What the file says of itself.

        Raises ValueError for values that are no JSON, and ModelError for those of another type than
        this package writes.
        """
        values = self.on_one_core.get_modelmeta().custom_metadata_map
        try:
            found = {key: json.loads(value) for key, value in values.items()}
        except RecursionError as error:
            raise ValueError(str(error)) from None
        for key, kinds in _KINDS.items():
            if key in found and not isinstance(found[key], kinds):
                raise self.error(f"its {key} can't be {found[key]!r:.40}")
        if not 0 < found.get("temperature", 1) < math.inf:
            raise self.error(f"its temperature can't be {found['temperature']!r:.40}")
        return found

    def says(self, key: str, value: str) -> bool:
        """Whether the metadata has this value under this key."""
        said: str | None = self.on_one_core.get_modelmeta().custom_metadata_map.get(key)
        return said == json.dumps(value)

    def _session(self, threads: int | None, addition: bytes = b"") -> Any:
        import onnxruntime  # heavy, and a training needs it only at its end

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # what is wrong is said by the ModelError
        # A thread that waits for longer leaves its core to whoever makes the next picture.
        options.add_session_config_entry("session.intra_op.spin_duration_us", _WAIT)
        if threads is None and processors.is_limited():  # it counts all that there are
            threads = processors.count()
        if threads is not None:
            options.intra_op_num_threads = threads
        return onnxruntime.InferenceSession(
            self._content + addition, options, providers=["CPUExecutionProvider"]
        )


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def find(model: str | os.PathLike[str], shipped: Sequence[str]) -> Path:
    """The ONNX file that a name, a path or a run folder stands for.

    shipped: the names of those in the package. Raises ModelError if there is none.
    """
    if model in shipped:
        return Path(__file__).parent / "weights" / f"{model}.onnx"
    path = Path(model)
    if path.is_dir():
        folder, path = path, path / MODEL
        if (folder / CONFIG).is_file() and not path.is_file():
            raise ModelError(
                f"{folder}: its training is unfinished; resume it with `simpsons train --resume "
                f"{folder}`, or take its best weights so far with `simpsons export`"
            )
    if not path.is_file():
        if said := urls.refusal(model, "file"):
            raise ModelError(said)
        raise ModelError(
            f"{path}: no such weights; use {', '.join(shipped)}, the path of an ONNX file, or a "
            "run folder"
        )
    return path
