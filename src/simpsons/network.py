"""An ONNX file in ONNX Runtime: what `Classifier` and `Detector` have in common."""

import json
import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from simpsons.errors import SimpsonsError

FACES_TASK = "faces"
"""`task` in the metadata of a face detector; a classifier has none."""

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
        self._threads = threads
        try:
            self._content = path.read_bytes()
            self.on_one_core = self._session(threads=1)
        except OSError as error:
            raise ModelError(f"{path}: can't be read ({error.strerror})") from None
        except Exception as error:  # ONNX Runtime's errors share no base class
            reason = str(error).splitlines()[0]
            raise ModelError(
                f"{path}: is no ONNX file that can be run ({reason}); {remedy}"
            ) from None

    @cached_property
    def on_all_cores(self) -> Any:
        """See the class."""
        return self.on_one_core if self._threads == 1 else self._session(self._threads)

    def metadata(self) -> dict[str, Any]:
        """What the file says of itself. Raises ValueError for values that are no JSON."""
        values = self.on_one_core.get_modelmeta().custom_metadata_map
        return {key: json.loads(value) for key, value in values.items()}

    def says(self, key: str, value: str) -> bool:
        """Whether the metadata has this value under this key."""
        said: str | None = self.on_one_core.get_modelmeta().custom_metadata_map.get(key)
        return said == json.dumps(value)

    def _session(self, threads: int | None) -> Any:
        import onnxruntime  # heavy, and a training needs it only at its end

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # what is wrong is said by the ModelError
        # A thread that waits for longer leaves its core to whoever makes the next picture.
        options.add_session_config_entry("session.intra_op.spin_duration_us", _WAIT)
        if threads is not None:
            options.intra_op_num_threads = threads
        return onnxruntime.InferenceSession(
            self._content, options, providers=["CPUExecutionProvider"]
        )


def find(model: str | os.PathLike[str], shipped: Sequence[str]) -> Path:
    """The ONNX file that a name, a path or a run folder stands for.

    shipped: the names of those in the package. Raises ModelError if there is none.
    """
    if model in shipped:
        return Path(__file__).parent / "weights" / f"{model}.onnx"
    path = Path(model)
    if path.is_dir():
        folder, path = path, path / "model.onnx"
        if (folder / "config.json").is_file() and not path.is_file():
            raise ModelError(
                f"{folder}: its training has not come to its end; go on with it by `simpsons train "
                f"--resume {folder}`, or take its best weights so far by `simpsons export`"
            )
    if not path.is_file():
        raise ModelError(
            f"{path}: no such weights; use {', '.join(shipped)}, the path of an ONNX file, or a "
            "run folder"
        )
    return path
