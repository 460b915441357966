"""Weights and training state in safetensors files, each written whole or not at all."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from simpsons.errors import SimpsonsError
from simpsons.files import whole

NETWORK, AVERAGE = "network.", "average.module."
"""What the names of the weights and of their moving average start with in a state."""


class CheckpointError(SimpsonsError):
    """A checkpoint that can't be used. The message names it, the reason and the remedy."""


@dataclass
class State:
    """Everything that a resumed training needs to go on as if it had never stopped.

    tensors: network, averaged network and optimizer, by name. facts: step, sums of the epoch so
    far, history, best epoch; plain values.
    """

    tensors: dict[str, Tensor]
    facts: dict[str, Any]


def write(path: str | os.PathLike[str], state: State) -> None:
    """Write a state. Raises CheckpointError if it can't be written."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.tensors.items()}
    with whole(path, flush=True) as temporary:
        try:
            save_file(tensors, temporary, metadata={"facts": json.dumps(state.facts)})
        except SafetensorError as error:
            raise CheckpointError(f"{path}: can't be written ({error}); check the disk") from None


def read(path: str | os.PathLike[str]) -> State:
    """Read a state that `write` wrote. Raises CheckpointError if that fails."""
    with _opened(path) as file:
        names = file.keys()
        return State({name: file.get_tensor(name) for name in names}, _facts(file))


def read_facts(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The facts of a state that `write` wrote. Raises CheckpointError if that fails."""
    with _opened(path) as file:
        return _facts(file)


@contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[Any]:
    if not Path(path).exists():
        raise CheckpointError(f"{path}: no such checkpoint; check the path of the run")
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except (SafetensorError, OSError, TypeError, KeyError, ValueError, RecursionError) as error:
        raise damaged(path, error) from None


def damaged(path: str | os.PathLike[str], why: object) -> CheckpointError:
    """The error for a state that no training has written like that."""
    return CheckpointError(f"{path}: is not a training checkpoint ({why}); train again")


def _facts(file: Any) -> dict[str, Any]:
    facts: object = json.loads(file.metadata()["facts"])
    if not isinstance(facts, dict):
        raise ValueError("its facts are none")
    return facts


def weights(network: nn.Module, prefix: str = "") -> dict[str, Tensor]:
    """The parameters and buffers of a network, each name with a prefix."""
    return {prefix + name: tensor for name, tensor in network.state_dict().items()}


def set_weights(network: nn.Module, tensors: dict[str, Tensor], prefix: str = "") -> None:
    """Copy the tensors under a prefix into a network, in place.

    Raises RuntimeError if they are another network's.
    """
    network.load_state_dict(
        {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}
    )


def read_weights(
    network: nn.Module, path: str | os.PathLike[str], prefix: str = ""
) -> dict[str, Any]:
    """Set a network's weights from those under a prefix in a state; returns the state's facts.

    Raises CheckpointError if there is no such state, it is another network's, or values in it are
    not finite.
    """
    state = read(path)
    try:
        set_weights(network, state.tensors, prefix)
    except RuntimeError:
        raise damaged(path, "its weights are of another network") from None
    if not all(bool(torch.isfinite(value).all()) for value in network.state_dict().values()):
        raise damaged(path, "weights are not finite")
    return state.facts


def set_fitting_weights(network: nn.Module, other: nn.Module) -> None:
    """Copy the tensors of another network that have the same name and shape."""
    shapes = {name: tensor.shape for name, tensor in network.state_dict().items()}
    fitting = {
        name: tensor
        for name, tensor in other.state_dict().items()
        if shapes.get(name) == tensor.shape
    }
    network.load_state_dict(fitting, strict=False)


def tensors(
    network: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer
) -> dict[str, Tensor]:
    """Everything of a training that is a tensor, by name. `average` may be the network itself."""
    averaged = {} if average is network else weights(average, AVERAGE)
    return weights(network, NETWORK) | averaged | _optimizer_tensors(optimizer)


def set_tensors(
    network: nn.Module,
    average: nn.Module,
    optimizer: torch.optim.Optimizer,
    tensors: dict[str, Tensor],
) -> None:
    """Put back what `tensors` took. Raises CheckpointError if it is another network's."""
    try:
        set_weights(network, tensors, NETWORK)
        if average is not network:
            set_weights(average, tensors, AVERAGE)
        _set_optimizer_tensors(optimizer, tensors)
    except (RuntimeError, LookupError, ValueError):
        raise CheckpointError(
            "the run in this folder is of another network or recipe; choose another folder"
        ) from None


def _optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The state tensors of an optimizer: `optimizer.<parameter number>.<name>`."""
    state = optimizer.state_dict()["state"]
    return {
        f"optimizer.{number}.{name}": tensor
        for number, tensors in state.items()
        for name, tensor in tensors.items()
    }


def _set_optimizer_tensors(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Put back what `_optimizer_tensors` took.

    A fused step goes through a weight and its state as they lie in memory, so both get the same
    memory layout.
    """
    values = optimizer.state_dict()
    values["state"] = {}
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    for name, tensor in tensors.items():
        if name.startswith("optimizer."):
            _, number, key = name.split(".", 2)
            like = parameters[int(number)]
            if tensor.ndim and tensor.shape != like.shape:
                raise ValueError(name)
            if tensor.ndim:
                tensor = torch.empty_like(like, dtype=tensor.dtype).copy_(tensor)
            values["state"].setdefault(int(number), {})[key] = tensor
    optimizer.load_state_dict(values)
